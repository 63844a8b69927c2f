"""Rules of profiles: whose message it is, what is known of them, what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import InvalidInputError
from core.ids import CustomerId, new_id
from profiles.identities import PROVES_A_PERSON, Identity, IdentityKind, ShownIdentity, identity, masked
from profiles.models import (
    CustomerProfile,
    CustomerRow,
    CustomerStatus,
    IdentifierRow,
    ProfileEvent,
    ResolvedCustomer,
)
from profiles.repository import ProfileRepository
from profiles.traits import Trait, TraitSource, merge_traits, stored_trait, trait
from profiles.vault import Vault

SEEN_EVERY = timedelta(minutes=1)
RECENT_EVENTS = 20


class ProvedSender(Protocol):
    """The address a message came from, as its connector proved it."""

    @property
    def kind(self) -> str:
        """Say what the address is: visitor, user, openid or email."""
        ...

    @property
    def id(self) -> str:
        """Return the address itself."""
        ...

    @property
    def claims(self) -> Mapping[str, Any]:
        """Return what the proof said besides."""
        ...


class ProfileService:
    """One customer for each person, over all channels.

    A visitor is always a customer of their own: nothing a visitor says leads to somebody else's profile.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault

    async def resolve(
        self, session: AsyncSession, sender: ProvedSender, channel: str, account: str
    ) -> ResolvedCustomer:
        """Find or make the sender's customer, in the caller's transaction.

        A `user` is who the shop's signed token says, and the token's other claims are the shop's word too. Of
        every other sender the claims are only what somebody typed: they set nothing.

        Raises:
            InvalidInputError: code `bad_identity`; the address is none of its kind.
        """
        kind = _kind_of(sender)
        address = identity(kind, sender.id, account=account)
        proved = kind in PROVES_A_PERSON
        profiles, now = ProfileRepository(session), self._clock.now()
        row = await self._find_or_make(profiles, address, verified=proved, source=channel, now=now)
        if kind is IdentityKind.USER:
            row = await self._take_token_claims(profiles, row, sender.claims, now)
        return ResolvedCustomer(
            customer_id=CustomerId(row.id),
            name=_value(row, "name"),
            verified=proved,
            tier=_value(row, "tier"),
            language=_value(row, "language"),
        )

    async def summary(self, customer_id: CustomerId) -> dict[str, Any]:
        """Return what the assistant may know of a customer; of an unknown one only that."""
        profile = await self.get_profile(customer_id)
        if profile is None:
            return {"customer_id": customer_id, "verified": False, "traits": {}}
        return {
            "customer_id": profile.customer_id,
            "name": profile.name,
            "language": profile.language,
            "tier": profile.tier,
            "shop_customer_id": profile.shop_customer_id,
            "verified": profile.verified,
            "traits": {fact.name: fact.value for fact in profile.traits},
        }

    async def get_profile(self, customer_id: CustomerId) -> CustomerProfile | None:
        """Return what is known of a customer, or None when nobody has this id; a merged one's id still leads on."""
        async with self._database.read() as session:
            return await self.find_profile(session, customer_id)

    async def find_profile(self, session: AsyncSession, customer_id: CustomerId) -> CustomerProfile | None:
        """Return what `get_profile` returns, as the caller's transaction sees it."""
        profiles = ProfileRepository(session)
        row = await profiles.find_customer(customer_id)
        while row is not None and row.status == CustomerStatus.MERGED.value and row.merged_into:
            row = await profiles.find_customer(row.merged_into)
        if row is None or row.status == CustomerStatus.ERASED.value:
            return None
        return self._profile_of(row, await profiles.list_identifiers(row.id))

    async def list_events(self, customer_id: CustomerId, limit: int = RECENT_EVENTS) -> list[ProfileEvent]:
        """Return the newest entries of a customer's record, newest first."""
        async with self._database.read() as session:
            rows = await ProfileRepository(session).list_events(customer_id, limit)
            return [ProfileEvent(row.type, row.at, dict(row.properties)) for row in rows]

    async def record_event(
        self,
        session: AsyncSession,
        customer_id: CustomerId,
        event_type: str,
        *,
        at: datetime,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to a customer's record, in the caller's transaction; `event_type` is like `handoff.opened`."""
        await ProfileRepository(session).add_event(customer_id, event_type, at, properties)

    async def learn(self, session: AsyncSession, customer_id: CustomerId, facts: Sequence[Trait]) -> list[str]:
        """Merge facts into a customer's traits, in the caller's transaction; return the names that changed."""
        row = await ProfileRepository(session).find_customer(customer_id, lock=True)
        return [] if row is None else _learn(row, list(facts))

    async def link(self, session: AsyncSession, customer_id: CustomerId, address: Identity, *, source: str) -> bool:
        """Give a customer a proved identity, in the caller's transaction; False when another customer has it."""
        profiles = ProfileRepository(session)
        row = await profiles.find_customer(customer_id)
        return row is not None and await self._link(profiles, row, address, source=source, now=self._clock.now())

    async def find_or_make(self, session: AsyncSession, address: Identity, *, source: str) -> tuple[CustomerId, bool]:
        """Return the customer of a proved identity and whether they were made now, in the caller's transaction."""
        profiles, now = ProfileRepository(session), self._clock.now()
        known = await profiles.find_identifier(address.kind.value, self._vault.look_up_hash(address))
        row = await self._find_or_make(profiles, address, verified=True, source=source, now=now)
        return CustomerId(row.id), known is None

    async def _find_or_make(
        self, profiles: ProfileRepository, address: Identity, *, verified: bool, source: str, now: datetime
    ) -> CustomerRow:
        value_hmac = self._vault.look_up_hash(address)
        found = await profiles.find_identifier(address.kind.value, value_hmac)
        if found is None:
            row = await self._make(profiles, address, verified=verified, source=source, now=now)
            if row is not None:
                return row
            found = await profiles.find_identifier(address.kind.value, value_hmac)
        if found is None or (row := await profiles.find_customer(found.customer_id)) is None:
            raise InvalidInputError("The identity was erased a moment ago.", code="bad_identity")
        if now - found.last_seen_at >= SEEN_EVERY or (verified and not found.verified):
            await profiles.note_seen(address.kind.value, value_hmac, row.id, now, verified=verified)
        return row

    async def _make(
        self, profiles: ProfileRepository, address: Identity, *, verified: bool, source: str, now: datetime
    ) -> CustomerRow | None:
        customer_id = CustomerId(new_id())
        row = await profiles.add_customer(customer_id, data_key=self._vault.new_key(customer_id), at=now)
        if not await profiles.add_identifier(self._identifier(row, address, verified=verified, source=source, now=now)):
            await profiles.delete_customer(row)
            return None
        await profiles.add_event(customer_id, "customer.created", now, {"by": address.kind.value, "source": source})
        return row

    async def _link(
        self, profiles: ProfileRepository, row: CustomerRow, address: Identity, *, source: str, now: datetime
    ) -> bool:
        value_hmac = self._vault.look_up_hash(address)
        if await profiles.add_identifier(self._identifier(row, address, verified=True, source=source, now=now)):
            await profiles.add_event(row.id, "identity.linked", now, {"kind": address.kind.value, "source": source})
            return True
        found = await profiles.find_identifier(address.kind.value, value_hmac)
        return found is not None and found.customer_id == row.id

    def _identifier(
        self, row: CustomerRow, address: Identity, *, verified: bool, source: str, now: datetime
    ) -> dict[str, Any]:
        return {
            "kind": address.kind.value,
            "value_hmac": self._vault.look_up_hash(address),
            "value_encrypted": self._vault.encrypt(row.data_key, row.id, address),
            "customer_id": row.id,
            "status": "active",
            "verified": verified,
            "source": source,
            "first_seen_at": now,
            "last_seen_at": now,
        }

    async def _take_token_claims(
        self, profiles: ProfileRepository, row: CustomerRow, claims: Mapping[str, Any], now: datetime
    ) -> CustomerRow:
        facts = []
        for name, claim in (("name", "name"), ("language", "locale")):
            value = claims.get(claim)
            if isinstance(value, str) and value.strip():
                facts.append(trait(name, value[:200], TraitSource.TOKEN, now))
        if facts and merge_traits(row.traits, facts)[1]:
            locked = await profiles.find_customer(row.id, lock=True)
            if locked is not None:
                _learn(locked, facts)
        for kind, claim in ((IdentityKind.EMAIL, "email"), (IdentityKind.PHONE, "phone_number")):
            value = claims.get(claim)
            if isinstance(value, str) and claims.get(f"{claim}_verified") is True:
                await self._link_if_usable(profiles, row, kind, value, now)
        return row

    async def _link_if_usable(
        self, profiles: ProfileRepository, row: CustomerRow, kind: IdentityKind, value: str, now: datetime
    ) -> None:
        try:
            address = identity(kind, value)
        except InvalidInputError:
            return  # the shop's own data; what cannot be used is left out, the message still has its sender
        await self._link(profiles, row, address, source=TraitSource.TOKEN.value, now=now)

    def _profile_of(self, row: CustomerRow, identifiers: Sequence[IdentifierRow]) -> CustomerProfile:
        values = {one.value_hmac: self._read(row, one) for one in identifiers}
        users = [one for one in identifiers if one.kind == IdentityKind.USER.value and one.verified]
        traits = [stored_trait(name, stored) for name, stored in sorted(row.traits.items())]
        return CustomerProfile(
            customer_id=CustomerId(row.id),
            name=_value(row, "name"),
            language=_value(row, "language"),
            tier=_value(row, "tier"),
            shop_customer_id=values[users[0].value_hmac] if users else None,
            verified=any(one.verified and IdentityKind(one.kind) in PROVES_A_PERSON for one in identifiers),
            traits=tuple(fact for fact in traits if fact is not None),
            identities=tuple(
                sorted((_shown(one, values[one.value_hmac]) for one in identifiers), key=lambda one: one.kind.priority)
            ),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
        )

    def _read(self, row: CustomerRow, identifier: IdentifierRow) -> str:
        return self._vault.decrypt(row.data_key, row.id, IdentityKind(identifier.kind), identifier.value_encrypted)


def _kind_of(sender: ProvedSender) -> IdentityKind:
    if sender.kind == "email" and sender.claims.get("trust") != "verified":
        return IdentityKind.CLAIMED_EMAIL
    try:
        return IdentityKind(sender.kind)
    except ValueError as error:
        raise InvalidInputError(f"A sender of kind {sender.kind!r} is not known.", code="bad_identity") from error


def _learn(row: CustomerRow, facts: list[Trait]) -> list[str]:
    row.traits, changed = merge_traits(row.traits, facts)
    if changed:
        row.version += 1
    return changed


def _value(row: CustomerRow, name: str) -> str | None:
    fact = stored_trait(name, row.traits.get(name))
    return fact.value if fact else None


def _shown(row: IdentifierRow, value: str) -> ShownIdentity:
    kind = IdentityKind(row.kind)
    return ShownIdentity(
        kind=kind,
        masked=masked(kind, value),
        verified=row.verified,
        source=row.source,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )
