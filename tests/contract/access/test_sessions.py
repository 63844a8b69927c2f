from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from core.access import Role
from core.audit import AuditRow
from core.clock import FrozenClock
from core.database import Database
from core.errors import InvalidInputError, NotAllowedError, TooManyRequestsError
from server.access.accounts import AccountService
from server.access.models import AccountRow, AccountSessionRow, SignedIn, SignInAttemptRow
from server.access.passwords import Passwords
from server.access.sessions import SessionService, csrf_token, is_csrf_token

PASSWORD = "a good password"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def sessions(database: Database, clock: FrozenClock) -> SessionService:
    passwords = Passwords(CHEAP)
    accounts = AccountService(database, clock, passwords)
    await accounts.create_account(
        actor="system", login="wei", name="Wei", roles=frozenset({Role.AGENT}), password=PASSWORD
    )
    return SessionService(database, clock, passwords)


async def sign_in(
    sessions: SessionService, password: str = PASSWORD, *, login: str = "wei", address: str = "192.0.2.1"
) -> SignedIn:
    return await sessions.sign_in(login=login, password=password, address=address)


async def test_a_session_is_found_by_its_id_and_stored_only_as_a_hash(
    sessions: SessionService, database: Database
) -> None:
    signed = await sign_in(sessions, login=" WEI ")

    found = await sessions.find(signed.session_id)

    assert found is not None
    assert found.account.login == "wei"
    async with database.read() as session:
        (id_hash,) = (await session.scalars(select(AccountSessionRow.id_hash))).all()
    assert id_hash != signed.session_id
    assert await sessions.find(id_hash) is None


@pytest.mark.parametrize("session_id", ["", "x", "0" * 43, "王" * 10, "\x00"])
async def test_an_unknown_session_is_nobody(sessions: SessionService, session_id: str) -> None:
    assert await sessions.find(session_id) is None


async def test_use_slides_the_session_up_to_its_absolute_end(sessions: SessionService, clock: FrozenClock) -> None:
    signed = await sign_in(sessions)

    for _ in range(15):  # 15 × 11 h = 165 h, just inside seven days
        clock.advance(11 * 3600)
        assert await sessions.find(signed.session_id) is not None
    clock.advance(4 * 3600)

    assert await sessions.find(signed.session_id) is None


async def test_twelve_hours_without_use_end_a_session(sessions: SessionService, clock: FrozenClock) -> None:
    signed = await sign_in(sessions)

    clock.advance(12 * 3600)

    assert await sessions.find(signed.session_id) is None


async def test_looking_at_a_session_by_its_hash_does_not_prolong_it(
    sessions: SessionService, clock: FrozenClock
) -> None:
    signed = await sign_in(sessions)

    clock.advance(11 * 3600)
    found = await sessions.find_by_hash(signed.session.id_hash)
    clock.advance(2 * 3600)

    assert found is not None
    assert await sessions.find_by_hash(signed.session.id_hash) is None


async def test_signing_in_never_adopts_the_browsers_id_and_ends_it(sessions: SessionService) -> None:
    planted = await sign_in(sessions)

    signed = await sessions.sign_in(
        login="wei", password=PASSWORD, address="192.0.2.1", replaced_session_id=planted.session_id
    )

    assert signed.session_id != planted.session_id
    assert await sessions.find(planted.session_id) is None


@pytest.mark.parametrize(
    ("login", "password"), [("wei", "wrong password"), ("nobody", PASSWORD), ("<b>", PASSWORD), ("wei", "x" * 10_000)]
)
async def test_wrong_and_unknown_get_the_same_answer(sessions: SessionService, login: str, password: str) -> None:
    with pytest.raises(NotAllowedError, match=r"^The login or the password is wrong\.$") as refused:
        await sign_in(sessions, password, login=login)

    assert refused.value.code == "bad_credentials"
    assert refused.value.details == {}


async def test_after_five_failures_even_the_right_password_waits(sessions: SessionService, clock: FrozenClock) -> None:
    for _ in range(5):
        with pytest.raises(NotAllowedError, match="wrong"):
            await sign_in(sessions, "guess")

    with pytest.raises(TooManyRequestsError, match="Too many failed sign-ins; try again in 1 s") as refused:
        await sign_in(sessions)

    assert refused.value.retry_after_s == 1
    clock.advance(1)
    assert (await sign_in(sessions)).session_id


async def test_each_further_failure_doubles_the_wait(sessions: SessionService, clock: FrozenClock) -> None:
    waits = []
    for _ in range(9):
        try:
            await sign_in(sessions, "guess")
        except NotAllowedError:
            continue
        except TooManyRequestsError as refused:
            waits.append(refused.retry_after_s)
            clock.advance(refused.retry_after_s)
            with pytest.raises(NotAllowedError):
                await sign_in(sessions, "guess")

    assert waits == [1, 2, 4, 8]


async def test_guesses_sent_side_by_side_do_not_slip_past_the_limit(sessions: SessionService) -> None:
    results = await asyncio.gather(*(sign_in(sessions, f"guess {n}") for n in range(20)), return_exceptions=True)

    looked_at = [result for result in results if isinstance(result, NotAllowedError)]
    assert len(looked_at) == 5
    assert sum(isinstance(result, TooManyRequestsError) for result in results) == 15


async def test_one_address_that_tries_many_logins_is_slowed(sessions: SessionService) -> None:
    for n in range(20):
        with pytest.raises(NotAllowedError):
            await sign_in(sessions, "guess", login=f"login-{n}", address="198.51.100.7")

    with pytest.raises(TooManyRequestsError):
        await sign_in(sessions, address="198.51.100.7")
    assert (await sign_in(sessions, address="192.0.2.1")).session_id


async def test_success_clears_the_logins_failures(sessions: SessionService, database: Database) -> None:
    for _ in range(4):
        with pytest.raises(NotAllowedError):
            await sign_in(sessions, "guess")
    await sign_in(sessions)
    for _ in range(4):
        with pytest.raises(NotAllowedError):
            await sign_in(sessions, "guess")

    assert (await sign_in(sessions)).session_id
    async with database.read() as session:
        keys = (await session.scalars(select(SignInAttemptRow.key_hash))).all()
    assert "wei" not in keys
    assert "192.0.2.1" not in keys


async def test_signing_out_ends_the_session_and_is_audited(sessions: SessionService, database: Database) -> None:
    signed = await sign_in(sessions)
    with pytest.raises(NotAllowedError):
        await sign_in(sessions, "guess")

    await sessions.sign_out(signed.session_id)
    await sessions.sign_out(signed.session_id)

    assert await sessions.find(signed.session_id) is None
    async with database.read() as session:
        actions = (await session.scalars(select(AuditRow.action).order_by(AuditRow.id))).all()
    assert actions == ["account.created", "session.opened", "session.refused", "session.closed"]


async def test_changing_the_password_ends_every_session_and_opens_a_new_one(sessions: SessionService) -> None:
    here, elsewhere = await sign_in(sessions), await sign_in(sessions)

    changed = await sessions.change_password(
        here.session_id, current=PASSWORD, new="a better password", address="192.0.2.1"
    )

    assert await sessions.find(here.session_id) is None
    assert await sessions.find(elsewhere.session_id) is None
    found = await sessions.find(changed.session_id)
    assert found is not None
    assert not found.account.must_change_password
    with pytest.raises(NotAllowedError, match="wrong"):
        await sign_in(sessions)


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        ("wrong password", "a better password", "wrong_password"),
        (PASSWORD, "short", "password_unfit"),
        (PASSWORD, PASSWORD, "password_unfit"),
    ],
)
async def test_a_password_is_not_changed_to_something_unfit_or_without_the_present_one(
    sessions: SessionService, current: str, new: str, code: str
) -> None:
    signed = await sign_in(sessions)

    with pytest.raises((NotAllowedError, InvalidInputError)) as refused:
        await sessions.change_password(signed.session_id, current=current, new=new, address="192.0.2.1")

    assert refused.value.code == code
    assert await sessions.find(signed.session_id) is not None


async def test_wrong_present_passwords_are_limited_like_sign_ins(sessions: SessionService) -> None:
    signed = await sign_in(sessions)
    for _ in range(5):
        with pytest.raises(NotAllowedError, match="The present password is wrong"):
            await sessions.change_password(signed.session_id, current="guess", new="new password 1", address="::1")

    with pytest.raises(TooManyRequestsError):
        await sessions.change_password(signed.session_id, current=PASSWORD, new="new password 1", address="::1")


async def test_a_hash_of_old_parameters_is_renewed_at_sign_in(database: Database, sessions: SessionService) -> None:
    dearer = SessionService(
        database, FrozenClock(), Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    )
    before = await _stored_hash(database)

    await sign_in(dearer)

    after = await _stored_hash(database)
    assert "t=1" in before
    assert "t=2" in after
    assert (await sign_in(dearer)).session_id


async def test_roles_taken_away_count_at_once(database: Database, sessions: SessionService) -> None:
    signed = await sign_in(sessions)

    async with database.unit_of_work() as session:
        await session.execute(update(AccountRow).values(roles=["trainer", "a role of a later version"]))

    found = await sessions.find(signed.session_id)
    assert found is not None
    assert found.account.roles == {Role.TRAINER}


async def test_sessions_that_are_over_are_deleted_at_the_next_sign_in(
    database: Database, sessions: SessionService, clock: FrozenClock
) -> None:
    await sign_in(sessions)
    clock.advance(timedelta(days=8).total_seconds())

    await sign_in(sessions)

    async with database.read() as session:
        assert len((await session.scalars(select(AccountSessionRow))).all()) == 1


def test_a_csrf_token_belongs_to_one_session() -> None:
    assert is_csrf_token("session a", csrf_token("session a"))
    assert not is_csrf_token("session a", csrf_token("session b"))
    assert not is_csrf_token("session a", "")
    assert not is_csrf_token("session a", "é")


async def _stored_hash(database: Database) -> str:
    async with database.read() as session:
        return (await session.scalars(select(AccountRow.password_hash))).one()
