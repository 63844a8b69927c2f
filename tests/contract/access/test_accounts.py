from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from core.access import Role
from core.audit import AuditRow
from core.clock import FrozenClock
from core.database import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.ids import AccountId
from server.access.accounts import AccountService
from server.access.passwords import Passwords
from server.access.sessions import SessionService

ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
AGENT = frozenset({Role.AGENT})


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(database: Database, passwords: Passwords) -> AccountService:
    return AccountService(database, FrozenClock(), passwords)


async def make(accounts: AccountService, login: str, roles: frozenset[Role] = AGENT) -> AccountId:
    made = await accounts.create_account(actor="system", login=login, name=login.title(), roles=roles)
    return made.account.id


async def test_the_first_administrator_is_made_once_with_a_password_to_change(accounts: AccountService) -> None:
    first = await accounts.create_first_administrator()
    second = await accounts.create_first_administrator()

    assert first is not None
    assert second is None
    assert first.one_time_password is not None
    assert first.account.must_change_password
    assert first.account.roles == ADMINISTRATOR


async def test_of_replicas_that_start_at_once_one_makes_the_administrator(accounts: AccountService) -> None:
    made = await asyncio.gather(*(accounts.create_first_administrator() for _ in range(4)))

    assert len([one for one in made if one is not None]) == 1
    assert len(await accounts.list_accounts()) == 1


async def test_a_login_is_taken_whatever_its_letter_case(accounts: AccountService) -> None:
    await make(accounts, "wei")

    with pytest.raises(ConflictError, match="The login 'wei' is taken") as refused:
        await make(accounts, " WEI ")

    assert refused.value.code == "login_taken"
    assert len(await accounts.list_accounts()) == 1


@pytest.mark.parametrize("login", ["", "a b", "<script>", "-wei", "x" * 101, "王伟", "wei\x00"])
async def test_a_login_that_is_none_is_refused(accounts: AccountService, login: str) -> None:
    with pytest.raises(InvalidInputError, match="A login has 1 to 100 characters"):
        await make(accounts, login)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x07b"])
async def test_a_name_that_is_none_is_refused(accounts: AccountService, name: str) -> None:
    with pytest.raises(InvalidInputError, match="A name has 1 to 100 printable characters"):
        await accounts.create_account(actor="system", login="wei", name=name, roles=AGENT)


async def test_an_account_needs_a_role(accounts: AccountService) -> None:
    with pytest.raises(InvalidInputError, match="at least one role of agent, supervisor, trainer, administrator"):
        await make(accounts, "wei", frozenset())


async def test_a_name_may_hold_any_script_and_markup_as_text(accounts: AccountService) -> None:
    name = "王伟 <img src=x onerror=alert(1)>"

    made = await accounts.create_account(actor="system", login="wei", name=name, roles=AGENT)

    assert (await accounts.get_account(made.account.id)).name == name


@pytest.mark.parametrize("change", [{"enabled": False}, {"roles": AGENT}])
async def test_the_last_administrator_stays(accounts: AccountService, change: dict[str, object]) -> None:
    admin = await make(accounts, "admin", ADMINISTRATOR)
    await make(accounts, "wei")

    with pytest.raises(ConflictError, match="'admin' is the last enabled administrator") as refused:
        await accounts.update_account(admin, actor="system", **change)  # type: ignore[arg-type]

    assert refused.value.code == "last_administrator"
    kept = await accounts.get_account(admin)
    assert (kept.enabled, kept.roles) == (True, ADMINISTRATOR)


async def test_of_two_administrators_who_disable_each_other_at_once_one_remains(accounts: AccountService) -> None:
    one = await make(accounts, "one", ADMINISTRATOR)
    two = await make(accounts, "two", ADMINISTRATOR)

    results = await asyncio.gather(
        accounts.update_account(one, actor=f"account:{two}", enabled=False),
        accounts.update_account(two, actor=f"account:{one}", enabled=False),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["Account", "ConflictError"]
    assert [account.enabled for account in await accounts.list_accounts()].count(True) == 1


async def test_a_disabled_account_loses_its_sessions_and_cannot_sign_in(
    accounts: AccountService, database: Database, passwords: Passwords
) -> None:
    sessions = SessionService(database, FrozenClock(), passwords)
    await make(accounts, "admin", ADMINISTRATOR)
    made = await accounts.create_account(
        actor="system", login="wei", name="Wei", roles=AGENT, password="a good password"
    )
    signed = await sessions.sign_in(login="wei", password="a good password", address="192.0.2.1")

    await accounts.update_account(made.account.id, actor="system", enabled=False)

    assert await sessions.find(signed.session_id) is None


async def test_a_reset_gives_a_one_time_password_and_ends_the_sessions(
    accounts: AccountService, database: Database, passwords: Passwords
) -> None:
    sessions = SessionService(database, FrozenClock(), passwords)
    made = await accounts.create_account(
        actor="system", login="wei", name="Wei", roles=AGENT, password="a good password"
    )
    signed = await sessions.sign_in(login="wei", password="a good password", address="192.0.2.1")

    reset = await accounts.reset_password(made.account.id, actor="system")

    assert await sessions.find(signed.session_id) is None
    again = await sessions.sign_in(login="wei", password=reset.one_time_password or "", address="192.0.2.1")
    assert again.session.account.must_change_password


async def test_an_unknown_account_is_not_found(accounts: AccountService) -> None:
    with pytest.raises(NotFoundError, match="No account has the id 'nobody'"):
        await accounts.update_account(AccountId("nobody"), actor="system", name="Somebody")
    with pytest.raises(NotFoundError, match="No account has the id 'nobody'"):
        await accounts.reset_password(AccountId("nobody"), actor="system")


async def test_changes_are_audited_with_what_was_before(accounts: AccountService, database: Database) -> None:
    made = await make(accounts, "wei")

    await accounts.update_account(made, actor="account:boss", roles=frozenset({Role.SUPERVISOR}))

    async with database.read() as session:
        query = select(AuditRow.action, AuditRow.actor, AuditRow.subject, AuditRow.details).order_by(AuditRow.id)
        rows = (await session.execute(query)).all()
    assert [(row.action, row.actor, row.subject) for row in rows] == [
        ("account.created", "system", f"account:{made}"),
        ("account.changed", "account:boss", f"account:{made}"),
    ]
    assert rows[1].details["before"]["roles"] == ["agent"]
    assert rows[1].details["after"]["roles"] == ["supervisor"]
    assert not any("password" in str(row.details) for row in rows)
