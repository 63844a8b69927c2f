from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import func, select

from core.clock import FrozenClock
from core.database import Database
from core.errors import InvalidInputError
from core.ids import CustomerId
from profiles.identities import IdentityKind, identity
from profiles.models import CustomerRow, IdentifierRow, ResolvedCustomer
from profiles.service import ProfileService
from profiles.traits import TraitSource, trait
from profiles.vault import Vault


@dataclass(frozen=True)
class Sender:
    kind: str
    id: str
    claims: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def profiles(database: Database, clock: FrozenClock) -> ProfileService:
    return ProfileService(database, clock, Vault(lookup_key=b"l" * 32, wrapping_key=b"w" * 32))


async def resolve(
    profiles: ProfileService, database: Database, kind: str, sender_id: str, claims: Mapping[str, Any] | None = None
) -> ResolvedCustomer:
    async with database.unit_of_work() as session:
        return await profiles.resolve(session, Sender(kind, sender_id, claims or {}), "web", "shop")


async def make_shop_customer(profiles: ProfileService, database: Database, clock: FrozenClock) -> CustomerId:
    async with database.unit_of_work() as session:
        customer_id, _ = await profiles.find_or_make(session, identity(IdentityKind.USER, "C-1"), source="shop")
        facts = {"name": "王伟", "language": "zh", "tier": "vip"}
        await profiles.learn(
            session, customer_id, [trait(name, value, TraitSource.SHOP, clock.now()) for name, value in facts.items()]
        )
        await profiles.link(session, customer_id, identity(IdentityKind.EMAIL, "wei@example.com"), source="shop")
    return customer_id


async def test_a_visitor_is_a_customer_of_their_own_and_stays_the_same(
    profiles: ProfileService, database: Database
) -> None:
    first = await resolve(profiles, database, "visitor", "v-1")
    again = await resolve(profiles, database, "visitor", "v-1")
    other = await resolve(profiles, database, "visitor", "v-2")

    assert first == again
    assert first.customer_id != other.customer_id
    assert (first.verified, first.name) == (False, None)


async def test_a_signed_in_user_is_the_shops_customer(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    customer_id = await make_shop_customer(profiles, database, clock)

    resolved = await resolve(profiles, database, "user", "C-1")

    assert resolved == ResolvedCustomer(customer_id, "王伟", verified=True, tier="vip", language="zh")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "C-1", "user_id": "C-1", "shop_customer_id": "C-1"},
        {"email": "wei@example.com", "email_verified": True},
        {"name": "王伟", "tier": "vip", "verified": True},
    ],
)
async def test_a_visitors_claims_lead_to_nobody_and_set_nothing(
    profiles: ProfileService, database: Database, clock: FrozenClock, claims: dict[str, Any]
) -> None:
    shop_customer = await make_shop_customer(profiles, database, clock)

    resolved = await resolve(profiles, database, "visitor", "v-1", claims)

    assert resolved.customer_id != shop_customer
    assert (resolved.verified, resolved.name, resolved.tier) == (False, None, None)
    summary = await profiles.summary(resolved.customer_id)
    assert (summary["shop_customer_id"], summary["verified"], summary["traits"]) == (None, False, {})


@pytest.mark.parametrize("claims", [{}, {"trust": "unverified"}, {"trust": "failed"}])
async def test_a_senders_address_that_nothing_proved_is_not_its_owner(
    profiles: ProfileService, database: Database, clock: FrozenClock, claims: dict[str, Any]
) -> None:
    shop_customer = await make_shop_customer(profiles, database, clock)

    claimed = await resolve(profiles, database, "email", "wei@example.com", claims)
    proved = await resolve(profiles, database, "email", "Wei@Example.com", {"trust": "verified"})

    assert claimed.customer_id != shop_customer
    assert not claimed.verified
    assert (proved.customer_id, proved.verified) == (shop_customer, True)


async def test_a_visitor_who_signs_in_is_the_user_and_signed_out_a_stranger_again(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    shop_customer = await make_shop_customer(profiles, database, clock)
    before = await resolve(profiles, database, "visitor", "v-1")

    signed_in = await resolve(profiles, database, "user", "C-1", {"visitor": "v-1"})
    after = await resolve(profiles, database, "visitor", "v-1")

    assert signed_in.customer_id == shop_customer
    assert after == before
    assert after.customer_id != shop_customer


async def test_the_shops_signed_claims_become_traits_and_proved_identities(
    profiles: ProfileService, database: Database
) -> None:
    claims = {"name": "Li Na", "locale": "en", "email": "Na@Example.com", "email_verified": True, "phone_number": "1"}

    resolved = await resolve(profiles, database, "user", "C-9", claims)
    profile = await profiles.get_profile(resolved.customer_id)

    assert profile is not None
    assert (profile.name, profile.language, profile.shop_customer_id) == ("Li Na", "en", "C-9")
    assert [(one.kind.value, one.masked, one.verified) for one in profile.identities] == [
        ("user", "C-9", True),
        ("email", "n***@example.com", True),
    ]


async def test_an_email_another_customer_has_is_not_taken_over_by_a_token(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    shop_customer = await make_shop_customer(profiles, database, clock)

    await resolve(profiles, database, "user", "C-2", {"email": "wei@example.com", "email_verified": True})

    by_mail = await resolve(profiles, database, "email", "wei@example.com", {"trust": "verified"})
    assert by_mail.customer_id == shop_customer


async def test_the_shops_name_is_not_overwritten_by_the_token(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    await make_shop_customer(profiles, database, clock)
    clock.advance(60)

    resolved = await resolve(profiles, database, "user", "C-1", {"name": "Somebody", "locale": ["x"]})

    assert (resolved.name, resolved.language) == ("王伟", "zh")


async def test_first_messages_side_by_side_make_one_customer(profiles: ProfileService, database: Database) -> None:
    resolved = await asyncio.gather(*(resolve(profiles, database, "visitor", "v-1") for _ in range(8)))

    assert len({one.customer_id for one in resolved}) == 1
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(CustomerRow)) == 1


async def test_no_identity_lies_open_in_the_database(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    await make_shop_customer(profiles, database, clock)

    async with database.read() as session:
        rows = (await session.execute(select(IdentifierRow.value_hmac, IdentifierRow.value_encrypted))).all()

    assert len(rows) == 2
    assert not any(b"wei@" in row.value_encrypted or "wei@" in row.value_hmac for row in rows)


async def test_markup_in_a_name_is_text(profiles: ProfileService, database: Database) -> None:
    name = '<img src=x onerror="alert(1)">'

    resolved = await resolve(profiles, database, "user", "C-3", {"name": name})

    assert resolved.name == name
    assert (await profiles.summary(resolved.customer_id))["name"] == name


@pytest.mark.parametrize(("kind", "sender_id"), [("visitor", ""), ("user", "null"), ("telepathy", "x")])
async def test_an_address_that_is_none_is_refused(
    profiles: ProfileService, database: Database, kind: str, sender_id: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await resolve(profiles, database, kind, sender_id)

    assert refused.value.code == "bad_identity"


async def test_an_unknown_customer_has_no_profile_and_an_empty_summary(profiles: ProfileService) -> None:
    nobody = CustomerId("nobody")

    assert await profiles.get_profile(nobody) is None
    assert await profiles.summary(nobody) == {"customer_id": "nobody", "verified": False, "traits": {}}


async def test_service_and_marketing_write_into_one_record(
    profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    customer_id = await make_shop_customer(profiles, database, clock)
    clock.advance(60)

    async with database.unit_of_work() as session:
        await profiles.record_event(
            session, customer_id, "campaign.clicked", at=clock.now(), properties={"campaign": "spring"}
        )

    events = await profiles.list_events(customer_id)
    assert [event.type for event in events] == ["campaign.clicked", "identity.linked", "customer.created"]
    assert events[0].properties == {"campaign": "spring"}
    assert "wei@example.com" not in str(events)
