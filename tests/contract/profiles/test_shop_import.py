from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import FrozenClock
from core.database import Database
from core.errors import InvalidInputError
from profiles.identities import IdentityKind, identity
from profiles.service import ProfileService
from profiles.shop_import import ImportReport, ShopCustomer, ShopImport, read_shop_customers
from profiles.vault import Vault

DEMO_SHOP = Path(__file__).resolve().parents[3] / "data" / "demo_shop"
CSV = """shop_customer_id,name,language,tier,phone,email
C-1,王伟,zh,vip,13800138001,wei@example.com
C-2,Anna Smith,en,normal,+442079460958,anna@example.com
C-3,李娜,zh,gold,,wei@example.com
"""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def profiles(database: Database, clock: FrozenClock) -> ProfileService:
    return ProfileService(database, clock, Vault(lookup_key=b"l" * 32, wrapping_key=b"w" * 32))


@pytest.fixture
def shop_import(database: Database, clock: FrozenClock, profiles: ProfileService) -> ShopImport:
    return ShopImport(database, clock, profiles)


async def test_importing_again_changes_nothing(shop_import: ShopImport, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(CSV, encoding="utf-8")
    customers = read_shop_customers(path)

    first = await shop_import.run(customers)
    second = await shop_import.run(customers)

    assert first == ImportReport(n_created=3, n_changed=0, n_unchanged=0, n_refused=1)
    assert second == ImportReport(n_created=0, n_changed=0, n_unchanged=3, n_refused=1)


async def test_a_changed_line_changes_its_customer_only(
    shop_import: ShopImport, profiles: ProfileService, database: Database, clock: FrozenClock
) -> None:
    line = ShopCustomer(shop_customer_id="C-1", name="王伟", language="zh", tier="normal", phone="13800138001")
    await shop_import.run([line])
    clock.advance(60)

    report = await shop_import.run([line.model_copy(update={"tier": "vip"})])

    assert report == ImportReport(n_created=0, n_changed=1, n_unchanged=0, n_refused=0)
    async with database.unit_of_work() as session:
        customer_id, is_new = await profiles.find_or_make(
            session, identity(IdentityKind.PHONE, "+86 138 0013 8001"), source="test"
        )
    profile = await profiles.get_profile(customer_id)
    assert not is_new
    assert profile is not None
    assert (profile.tier, profile.shop_customer_id, profile.verified) == ("vip", "C-1", True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",王伟,zh,vip,,", "line 2: shop_customer_id: String should have at least 1 character"),
        ("C-1,,zh,vip,,", "line 2: name: String should have at least 1 character"),
        ("C-1,王伟,zh,vip,,,extra", "line 2:"),
        ("C-1", "line 2: name"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"shop_customer_id,name,language,tier,phone,email\n{line}\n", encoding="utf-8")

    with pytest.raises(InvalidInputError, match=message) as refused:
        read_shop_customers(path)

    assert refused.value.details["line"] == 2
    assert "王伟" not in str(refused.value)


async def test_the_demo_shops_file_is_taken_in_whole(shop_import: ShopImport) -> None:
    customers = read_shop_customers(DEMO_SHOP / "customers.csv")

    report = await shop_import.run(customers)

    assert report == ImportReport(n_created=len(customers), n_changed=0, n_unchanged=0, n_refused=0)
    assert len(customers) > 0
