"""The guard and the access routes, asked over HTTP as a browser does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace

import httpx
import pytest
from argon2 import PasswordHasher
from sanic import HTTPResponse, Request, Sanic, text
from sanic_testing.testing import SanicASGITestClient

from core.access import Permission, Role, own_auth, public, requires
from core.clock import FrozenClock
from core.database import Database
from core.errors import ConfigError
from core.http import address_of, principal_of
from server.access.accounts import AccountService
from server.access.guard import Guard, routes_without_permission
from server.access.passwords import Passwords
from server.access.routes import account_routes, session_routes
from server.access.sessions import SessionService, is_csrf_token
from server.problems import answer_with_problems

PASSWORD = "a good password"
HOST = "mockserver:1234"


@dataclass
class Desk:
    """An app behind the guard, its services, and a way to open browsers on it."""

    app: Sanic
    accounts: AccountService
    clock: FrozenClock

    def browser(self) -> SanicASGITestClient:
        client = SanicASGITestClient(self.app)
        client.headers.pop("origin", None)
        return client


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock = FrozenClock()
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts, sessions = AccountService(database, clock, passwords), SessionService(database, clock, passwords)
    guard = Guard(sessions, allowed_origins=["https://console.example/"])
    Sanic.test_mode = True
    app = Sanic("access-test", configure_logging=False)
    guard.install(app)
    answer_with_problems(app)
    app.blueprint(session_routes(sessions, guard, secure_cookie=False))
    app.blueprint(account_routes(accounts))
    _add_samples(app)
    for login, role in (("admin", Role.ADMINISTRATOR), ("wei", Role.AGENT)):
        await accounts.create_account(
            actor="system", login=login, name=login.title(), roles=frozenset({role}), password=PASSWORD
        )
    yield Desk(app, accounts, clock)
    Sanic._app_registry.pop("access-test", None)


def _add_samples(app: Sanic) -> None:
    @app.get("/desk/sample")
    @requires(Permission.VIEW_CONVERSATIONS)
    async def read_sample(request: Request) -> HTTPResponse:
        return text(principal_of(request).login)

    @app.post("/desk/sample")
    @requires(Permission.VIEW_CONVERSATIONS)
    async def write_sample(request: Request) -> HTTPResponse:
        return text("written")

    @app.get("/open")
    @public("a sample")
    async def open_sample(request: Request) -> HTTPResponse:
        return text("open")

    @app.post("/proved")
    @own_auth("a sample")
    async def proved_sample(request: Request) -> HTTPResponse:
        return text("proved")


async def sign_in(browser: SanicASGITestClient, login: str = "wei", password: str = PASSWORD) -> httpx.Response:
    _, response = await browser.post("/api/session", json={"login": login, "password": password})
    if response.status_code == 200:
        browser.headers["x-csrf-token"] = response.json["csrf_token"]
    return response


async def test_signing_in_answers_with_the_account_and_a_strict_cookie(desk: Desk) -> None:
    browser = desk.browser()

    response = await sign_in(browser)

    assert response.status_code == 200
    assert response.json["account"]["login"] == "wei"
    assert response.json["account"]["roles"] == ["agent"]
    assert "answer_customers" in response.json["account"]["permissions"]
    assert "password" not in str(response.json["account"].keys() - {"must_change_password"})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("yiti_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers


async def test_the_session_route_says_who_is_signed_in_with_the_same_csrf_token(desk: Desk) -> None:
    browser = desk.browser()
    signed = await sign_in(browser)

    _, response = await browser.get("/api/session")

    assert response.status_code == 200
    assert response.json == signed.json
    assert response.headers["cache-control"] == "no-store"


async def test_without_a_cookie_the_answer_is_401_and_with_a_dead_one_too(desk: Desk) -> None:
    browser = desk.browser()

    _, nobody = await browser.get("/desk/sample")
    browser.cookies.set("yiti_session", "made-up")
    _, stranger = await browser.get("/desk/sample")

    assert (nobody.status_code, nobody.json["code"]) == (401, "unauthenticated")
    assert (stranger.status_code, stranger.json["code"]) == (401, "session_expired")
    assert nobody.headers["cache-control"] == "no-store"
    assert nobody.headers["content-type"] == "application/problem+json"


async def test_without_the_permission_the_answer_is_403_and_names_it(desk: Desk) -> None:
    browser = desk.browser()
    await sign_in(browser)

    _, response = await browser.get("/api/accounts")

    assert (response.status_code, response.json["code"]) == (403, "permission_missing")
    assert "'manage_accounts'" in response.json["detail"]


async def test_an_unsafe_request_needs_the_sessions_csrf_token(desk: Desk) -> None:
    browser, other = desk.browser(), desk.browser()
    await sign_in(browser)
    foreign = (await sign_in(other, "admin")).json["csrf_token"]
    own = browser.headers.pop("x-csrf-token")

    _, missing = await browser.post("/desk/sample")
    _, wrong = await browser.post("/desk/sample", headers={"x-csrf-token": foreign})
    _, right = await browser.post("/desk/sample", headers={"x-csrf-token": own})

    assert (missing.status_code, missing.json["code"]) == (403, "bad_csrf_token")
    assert (wrong.status_code, wrong.json["code"]) == (403, "bad_csrf_token")
    assert right.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (f"http://{HOST}", 200),
        (f"https://{HOST.upper()}", 200),
        ("https://console.example", 200),
        ("https://evil.example", 403),
        (f"https://{HOST}.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_an_unsafe_request_from_another_origin_is_refused(desk: Desk, origin: str, status: int) -> None:
    browser = desk.browser()
    await sign_in(browser)

    _, response = await browser.post("/desk/sample", headers={"origin": origin})
    _, signing_in = await browser.post(
        "/api/session", json={"login": "wei", "password": PASSWORD}, headers={"origin": origin}
    )

    assert response.status_code == status
    assert signing_in.status_code == status
    if status == 403:
        assert response.json["code"] == signing_in.json["code"] == "foreign_origin"


async def test_a_planted_session_id_is_never_adopted(desk: Desk) -> None:
    browser = desk.browser()
    browser.cookies.set("yiti_session", "planted-by-somebody", domain=HOST)

    response = await sign_in(browser)

    assert "planted-by-somebody" not in response.headers["set-cookie"]
    thief = desk.browser()
    thief.cookies.set("yiti_session", "planted-by-somebody")
    _, refused = await thief.get("/api/session")
    assert refused.status_code == 401


async def test_signing_out_ends_the_session_on_the_server_too(desk: Desk) -> None:
    browser = desk.browser()
    await sign_in(browser)
    kept = browser.cookies["yiti_session"]

    _, response = await browser.delete("/api/session")
    browser.cookies.set("yiti_session", kept)
    _, after = await browser.get("/api/session")

    assert response.status_code == 204
    assert after.status_code == 401


async def test_failed_sign_ins_get_401_and_then_429_with_retry_after(desk: Desk) -> None:
    browser = desk.browser()

    answers = [await sign_in(browser, password="guess") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].json["code"] == "bad_credentials"
    assert answers[-1].json["code"] == "too_many_sign_ins"
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {"content-type": "application/json"}, 400, "invalid_json"),
        (b'{"login": "wei"}', {"content-type": "application/json"}, 422, "invalid_fields"),
        (b'{"login": "wei", "password": "x", "admin": 1}', {"content-type": "application/json"}, 422, "invalid_fields"),
        (b'{"login": 7, "password": "x"}', {"content-type": "application/json"}, 422, "invalid_fields"),
        (b"login=wei&password=x", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    ],
)
async def test_a_malformed_sign_in_says_what_is_wrong(
    desk: Desk, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    _, response = await desk.browser().post("/api/session", content=content, headers=headers)

    assert (response.status_code, response.json["code"]) == (status, code)


async def test_an_administrator_makes_an_account_that_must_change_its_password_first(desk: Desk) -> None:
    admin, newcomer = desk.browser(), desk.browser()
    await sign_in(admin, "admin")

    _, made = await admin.post("/api/accounts", json={"login": "li", "name": "<b>李</b>", "roles": ["agent"]})
    one_time = made.json["one_time_password"]
    signed = await sign_in(newcomer, "li", one_time)
    _, blocked = await newcomer.get("/desk/sample")
    _, changed = await newcomer.post("/api/session/password", json={"current": one_time, "new": "my own password"})
    newcomer.headers["x-csrf-token"] = changed.json["csrf_token"]
    _, allowed = await newcomer.get("/desk/sample")

    assert made.status_code == 201
    assert made.json["account"]["name"] == "<b>李</b>"
    assert signed.json["account"]["must_change_password"] is True
    assert (blocked.status_code, blocked.json["code"]) == (403, "password_change_required")
    assert changed.json["account"]["must_change_password"] is False
    assert (allowed.status_code, allowed.text) == (200, "li")


async def test_accounts_are_listed_changed_disabled_and_reset(desk: Desk) -> None:
    admin, agent = desk.browser(), desk.browser()
    await sign_in(admin, "admin")
    wei = (await sign_in(agent)).json["account"]["id"]

    _, changed = await admin.patch(f"/api/accounts/{wei}", json={"name": "Wei Zhang", "roles": ["supervisor"]})
    _, still_in = await agent.get("/desk/sample")
    _, reset = await admin.patch(f"/api/accounts/{wei}", json={"reset_password": True})
    _, out = await agent.get("/desk/sample")
    _, disabled = await admin.patch(f"/api/accounts/{wei}", json={"enabled": False})
    _, listed = await admin.get("/api/accounts")

    assert (changed.json["account"]["name"], changed.json["account"]["roles"]) == ("Wei Zhang", ["supervisor"])
    assert still_in.status_code == 200
    assert len(reset.json["one_time_password"]) == 23
    assert out.status_code == 401
    assert disabled.json["account"]["enabled"] is False
    assert [(item["login"], item["enabled"]) for item in listed.json["items"]] == [("admin", True), ("wei", False)]


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({}, 400, "nothing_to_change"),
        ({"roles": ["emperor"]}, 422, "invalid_fields"),
        ({"roles": []}, 422, "invalid_fields"),
        ({"name": " "}, 400, "bad_name"),
        ({"enabled": False}, 409, "last_administrator"),
    ],
)
async def test_a_change_that_cannot_be_is_refused(
    desk: Desk, document: dict[str, object], status: int, code: str
) -> None:
    admin = desk.browser()
    admin_id = (await sign_in(admin, "admin")).json["account"]["id"]

    _, response = await admin.patch(f"/api/accounts/{admin_id}", json=document)
    _, unknown = await admin.patch("/api/accounts/nobody", json={"name": "X"})

    assert (response.status_code, response.json["code"]) == (status, code)
    assert (unknown.status_code, unknown.json["code"]) == (404, "account_not_found")


async def test_public_and_self_proving_routes_need_no_session(desk: Desk) -> None:
    browser = desk.browser()

    _, opened = await browser.get("/open")
    _, proved = await browser.post("/proved", headers={"origin": "https://evil.example"})

    assert (opened.status_code, proved.status_code) == (200, 200)


async def test_an_unknown_address_is_404_and_not_a_question_of_rights(desk: Desk) -> None:
    _, response = await desk.browser().get("/api/nothing")

    assert response.status_code == 404


async def test_a_route_without_a_mark_is_found_refused_and_stops_the_start(desk: Desk) -> None:
    @desk.app.get("/forgotten", name="forgotten")
    async def forgotten(request: Request) -> HTTPResponse:
        return text("secret")

    assert routes_without_permission(desk.app) == ["GET /forgotten"]
    with pytest.raises(ConfigError, match="name neither a permission nor why they need none: GET /forgotten"):
        await desk.browser().get("/forgotten")


@pytest.mark.parametrize(
    ("ip", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_is_counted_by_what_one_person_holds(ip: str, counted_as: str) -> None:
    request = SimpleNamespace(remote_addr="", ip=ip)

    assert address_of(request) == counted_as  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", ["http://[", "null", "http://a:b:c"])
async def test_an_origin_that_is_none_is_foreign(desk: Desk, origin: str) -> None:
    _, answer = await desk.browser().post(
        "/api/session/", json={"login": "admin", "password": PASSWORD}, headers={"origin": origin}
    )

    assert answer.status_code == 403
    assert answer.json["code"] == "foreign_origin"


def test_a_csrf_token_of_odd_bytes_is_just_wrong() -> None:
    assert not is_csrf_token("session", "\udcff")
