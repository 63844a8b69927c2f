"""Joins the profiles to those who ask for customers in words of their own: the record and the actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.inbound import Channel, Sender
from conversations.protocols import ResolvedCustomer
from core.ids import CustomerId
from profiles.service import ProfileService


class Customers:
    """The record's `CustomerDirectory` on the profiles."""

    def __init__(self, profiles: ProfileService) -> None:
        self._profiles = profiles

    async def resolve(self, session: AsyncSession, sender: Sender, channel: Channel, account: str) -> ResolvedCustomer:
        """Find or make the sender's customer, in the caller's transaction."""
        found = await self._profiles.resolve(session, sender, channel.value, account)
        return ResolvedCustomer(
            customer_id=found.customer_id,
            name=found.name,
            verified=found.verified,
            tier=found.tier,
            language=found.language,
        )

    async def summary(self, customer_id: CustomerId) -> dict[str, Any]:
        """Return what the assistant may know of the customer."""
        return await self._profiles.summary(customer_id)


class ProfileSummaries:
    """The actions' `Profiles` on the profiles."""

    def __init__(self, profiles: ProfileService) -> None:
        self._profiles = profiles

    async def summary(self, customer_id: str) -> Mapping[str, object]:
        """Return name, language, tier and shop_customer_id."""
        return await self._profiles.summary(CustomerId(customer_id))
