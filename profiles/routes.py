"""Routes of customers' profiles for the desk."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, HTTPResponse, Request

from core.access import Permission, requires
from core.errors import NotFoundError
from core.http import json_response
from core.ids import CustomerId
from profiles.models import CustomerProfile, ProfileEvent
from profiles.service import ProfileService


def profile_routes(profiles: ProfileService) -> Blueprint:
    """Build the routes under /desk/customers."""
    blueprint = Blueprint("customers", url_prefix="/desk/customers")

    @blueprint.get("/<customer_id:str>")
    @requires(Permission.VIEW_CUSTOMERS)
    async def get_customer(_request: Request, customer_id: str) -> HTTPResponse:
        """Return a customer's profile with masked identities and the newest events. 404."""
        profile = await profiles.get_profile(CustomerId(customer_id))
        if profile is None:
            raise NotFoundError(f"No customer has the id {customer_id!r}.", code="customer_not_found")
        return json_response(profile_json(profile, await profiles.list_events(profile.customer_id)))

    return blueprint


def profile_json(profile: CustomerProfile, events: list[ProfileEvent]) -> dict[str, Any]:
    """Return a profile as the console gets it."""
    return {
        "customer_id": profile.customer_id,
        "name": profile.name,
        "language": profile.language,
        "tier": profile.tier,
        "verified": profile.verified,
        "shop_customer_id": profile.shop_customer_id,
        "identifiers": [
            {"kind": one.kind.value, "value": one.masked, "verified": one.verified, "source": one.source}
            for one in profile.identities
        ],
        "traits": {fact.name: fact.value for fact in profile.traits},
        "trait_sources": {fact.name: {"source": fact.source.value, "at": fact.at} for fact in profile.traits},
        "first_seen_at": profile.created_at,
        "last_seen_at": profile.last_seen_at,
        "recent_events": [{"type": one.type, "at": one.at, "properties": one.properties} for one in events],
    }
