"""Routes of signing in and out and of managing accounts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sanic import Blueprint, HTTPResponse, Request, empty

from core.access import Permission, Role, public, requires, signed_in
from core.errors import InvalidInputError
from core.http import RequestModel, address_of, body, json_response, principal_of
from core.ids import AccountId
from server.access.accounts import AccountService
from server.access.guard import (
    COOKIE,
    Guard,
    csrf_token_of,
    may_use_one_time_password,
    session_id_of,
)
from server.access.models import Account, AccountSession, SignedIn
from server.access.passwords import LONGEST_PASSWORD
from server.access.sessions import SessionService, csrf_token

Password = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]


class SignIn(RequestModel):
    """Login and password."""

    login: Annotated[str, Field(min_length=1, max_length=200)]
    password: Password


class ChangePassword(RequestModel):
    """The present and the new password."""

    current: Password
    new: Annotated[str, Field(min_length=1, max_length=1000)]


class CreateAccount(RequestModel):
    """A new account; without a password a one-time one is made."""

    login: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    password: Password | None = None


class ChangeAccount(RequestModel):
    """What shall change; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))] | None = None
    enabled: bool | None = None
    reset_password: bool = False


def session_routes(sessions: SessionService, guard: Guard, *, secure_cookie: bool) -> Blueprint:
    """Build the routes under /api/session; `secure_cookie` says the console is reached over https."""
    blueprint = Blueprint("session", url_prefix="/api/session")

    def signed_in_answer(signed: SignedIn) -> HTTPResponse:
        answer = json_response(_session_json(signed.session.account, csrf_token(signed.session_id)))
        answer.headers["cache-control"] = "no-store"
        lifetime = signed.session.expires_at - signed.session.last_seen_at
        answer.add_cookie(
            COOKIE,
            signed.session_id,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=secure_cookie,
            max_age=int(lifetime.total_seconds()),
        )
        return answer

    @blueprint.post("/")
    @public("signing in is how a person becomes known")
    @body(SignIn)
    async def sign_in(request: Request, body: SignIn) -> HTTPResponse:
        """Open a session. 401 `bad_credentials`; 429 `too_many_sign_ins`."""
        guard.check_origin(request)
        return signed_in_answer(
            await sessions.sign_in(
                login=body.login,
                password=body.password,
                address=address_of(request),
                replaced_session_id=session_id_of(request) or None,
            )
        )

    @blueprint.get("/")
    @signed_in("everybody may see who they are")
    @may_use_one_time_password
    async def get_session(request: Request) -> HTTPResponse:
        """Say who is signed in. 401 when nobody is."""
        session: AccountSession = request.ctx.account_session
        return json_response(_session_json(session.account, csrf_token_of(request)))

    @blueprint.delete("/")
    @signed_in("everybody may sign out")
    @may_use_one_time_password
    async def sign_out(request: Request) -> HTTPResponse:
        """End the session."""
        await sessions.sign_out(session_id_of(request))
        answer = empty()
        answer.delete_cookie(COOKIE, path="/")
        return answer

    @blueprint.post("/password")
    @signed_in("everybody may change their own password")
    @may_use_one_time_password
    @body(ChangePassword)
    async def change_password(request: Request, body: ChangePassword) -> HTTPResponse:
        """Replace one's password. 403 `wrong_password`; 400 `password_unfit`; ends every other session."""
        return signed_in_answer(
            await sessions.change_password(
                session_id_of(request), current=body.current, new=body.new, address=address_of(request)
            )
        )

    return blueprint


def account_routes(accounts: AccountService) -> Blueprint:
    """Build the routes under /api/accounts."""
    blueprint = Blueprint("accounts", url_prefix="/api/accounts")

    @blueprint.get("/")
    @requires(Permission.MANAGE_ACCOUNTS)
    async def list_accounts(_request: Request) -> HTTPResponse:
        """List every account."""
        return json_response({"items": [_account_json(account) for account in await accounts.list_accounts()]})

    @blueprint.post("/")
    @requires(Permission.MANAGE_ACCOUNTS)
    @body(CreateAccount)
    async def create_account(request: Request, body: CreateAccount) -> HTTPResponse:
        """Make an account. 409 `login_taken`; 400 for an unfit login, name, role or password."""
        made = await accounts.create_account(
            actor=f"account:{principal_of(request).account_id}",
            login=body.login,
            name=body.name,
            roles=frozenset(body.roles),
            password=body.password,
        )
        answer = {"account": _account_json(made.account), "one_time_password": made.one_time_password}
        return json_response(answer, status=201)

    @blueprint.patch("/<account_id:str>")
    @requires(Permission.MANAGE_ACCOUNTS)
    @body(ChangeAccount)
    async def change_account(request: Request, account_id: str, body: ChangeAccount) -> HTTPResponse:
        """Change an account. 404; 409 `last_administrator`."""
        changed_id, actor = AccountId(account_id), f"account:{principal_of(request).account_id}"
        if not body.model_fields_set:
            raise InvalidInputError("Nothing to change is given.", code="nothing_to_change")
        account = await accounts.update_account(
            changed_id,
            actor=actor,
            name=body.name,
            roles=None if body.roles is None else frozenset(body.roles),
            enabled=body.enabled,
        )
        one_time_password = None
        if body.reset_password:
            made = await accounts.reset_password(changed_id, actor=actor)
            account, one_time_password = made.account, made.one_time_password
        return json_response({"account": _account_json(account), "one_time_password": one_time_password})

    return blueprint


def _session_json(account: Account, token: str) -> dict[str, Any]:
    return {"account": _account_json(account), "csrf_token": token}


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "login": account.login,
        "name": account.name,
        "roles": sorted(account.roles),
        "permissions": sorted(account.permissions),
        "enabled": account.enabled,
        "must_change_password": account.must_change_password,
        "created_at": account.created_at,
        "last_sign_in_at": account.last_sign_in_at,
    }
