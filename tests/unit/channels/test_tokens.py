"""Tokens of the web channel: what is accepted, and everything that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr, ValidationError

from channels.web.tokens import ACCESS_TOKEN_S, VISITOR_TOKEN_S, User, UserTokens, Visitor, WebTokens
from channels.web.widgets import UserKey, Widget
from core.clock import FrozenClock
from core.errors import ConfigError, NotAllowedError

SECRET = "a-shared-secret-of-the-shop-0123456789"
ED_KEY = Ed25519PrivateKey.generate()
ED_PUBLIC = ED_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
WIDGET = Widget(
    id="shop",
    name="Shop",
    user_keys=(
        UserKey(kid="shared", key=SecretStr(SECRET)),
        UserKey(kid="signed", algorithm="EdDSA", key=SecretStr(ED_PUBLIC)),
    ),
)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def tokens(clock: FrozenClock) -> WebTokens:
    return WebTokens(b"k" * 32, clock)


def claims(clock: FrozenClock, **changes: Any) -> dict[str, Any]:
    now_s = int(clock.now().timestamp())
    payload = {"sub": "C-1", "aud": "shop", "iat": now_s, "exp": now_s + 3600, **changes}
    return {name: value for name, value in payload.items() if value is not None}


def signed(payload: dict[str, Any], key: Any = SECRET, algorithm: str | None = "HS256", **header: Any) -> str:
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "shared", **header})


def code_of(error: pytest.ExceptionInfo[NotAllowedError]) -> str:
    return error.value.code


def test_a_visitor_is_known_again_for_180_days(tokens: WebTokens, clock: FrozenClock) -> None:
    token = tokens.issue_visitor("shop", "v-1")

    clock.advance(VISITOR_TOKEN_S - 1)
    assert tokens.read_visitor("shop", token) == "v-1"
    clock.advance(1)
    with pytest.raises(NotAllowedError, match="expired") as error:
        tokens.read_visitor("shop", token)
    assert code_of(error) == "token_expired"


def test_an_access_token_carries_the_visitor_and_the_user(tokens: WebTokens, clock: FrozenClock) -> None:
    visitor = Visitor("shop", "v-1", User("C-1", {"name": "Li Lei"}))

    read = tokens.read_access(tokens.issue_access(visitor))

    assert (read.widget_id, read.id, read.user) == ("shop", "v-1", visitor.user)
    assert read.expires_at_s == int(clock.now().timestamp()) + ACCESS_TOKEN_S
    assert read.conversation_key == "user:C-1"


def test_our_tokens_do_not_stand_in_for_each_other(tokens: WebTokens, clock: FrozenClock) -> None:
    visitor = Visitor("shop", "v-1")
    wrong = [
        lambda: tokens.read_access(tokens.issue_visitor("shop", "v-1")),
        lambda: tokens.read_visitor("shop", tokens.issue_access(visitor)),
        lambda: tokens.read_visitor("other", tokens.issue_visitor("shop", "v-1")),
        lambda: WebTokens(b"x" * 32, clock).read_access(tokens.issue_access(visitor)),
        lambda: tokens.read_access(jwt.encode(claims(clock, iss="yiti", use="access"), None, algorithm="none")),
        lambda: tokens.read_access("a" * 5000),
    ]

    for attempt in wrong:
        with pytest.raises(NotAllowedError) as error:
            attempt()
        assert code_of(error) == "bad_token"


def test_both_kinds_of_user_keys_are_read(clock: FrozenClock) -> None:
    users = UserTokens(clock)
    shared = signed(claims(clock, name=" Li Lei ", email="li@example.com", role="admin"))
    asymmetric = signed(claims(clock), ED_KEY, "EdDSA", kid="signed")

    assert users.read(WIDGET, shared) == User("C-1", {"name": "Li Lei", "email": "li@example.com"})
    assert users.read(WIDGET, asymmetric) == User("C-1")


def bad_user_tokens(clock: FrozenClock) -> dict[str, str]:
    now_s = int(clock.now().timestamp())
    good = claims(clock)
    return {
        "nothing": "",
        "no token": "hello",
        "algorithm none": signed(good, None, "none"),
        "none with the kid of an asymmetric key": signed(good, None, "none", kid="signed"),
        "another secret": signed(good, "x" * 40),
        "another algorithm of the family": signed(good, SECRET * 2, "HS512"),
        "unknown kid": signed(good, kid="other"),
        "no kid": jwt.encode(good, SECRET, algorithm="HS256"),
        "no sub": signed(claims(clock, sub=None)),
        "empty sub": signed(claims(clock, sub="")),
        "long sub": signed(claims(clock, sub="x" * 129)),
        "sub with a line end": signed(claims(clock, sub="a\nb")),
        "no aud": signed(claims(clock, aud=None)),
        "another aud": signed(claims(clock, aud="other")),
        "no iat": signed(claims(clock, iat=None)),
        "no exp": signed(claims(clock, exp=None)),
        "a life of more than one hour": signed(claims(clock, exp=now_s + 3601)),
        "issued in the future": signed(claims(clock, iat=now_s + 600, exp=now_s + 900)),
        "not valid yet": signed(claims(clock, nbf=now_s + 600)),
        "times that are no numbers": signed(claims(clock, exp=True)),
    }


@pytest.mark.parametrize("name", bad_user_tokens(FrozenClock()))
def test_a_bad_user_token_is_refused(name: str, clock: FrozenClock) -> None:
    with pytest.raises(NotAllowedError) as error:
        UserTokens(clock).read(WIDGET, bad_user_tokens(clock)[name])

    assert code_of(error) == "bad_token"


def test_the_public_key_does_not_serve_as_a_shared_secret(clock: FrozenClock) -> None:

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    content = part({"alg": "HS256", "typ": "JWT", "kid": "signed"}) + b"." + part(claims(clock))
    mac = hmac.new(ED_PUBLIC.encode(), content, hashlib.sha256).digest()
    forged = (content + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()

    with pytest.raises(NotAllowedError):
        UserTokens(clock).read(WIDGET, forged)


def test_an_old_user_token_says_that_it_expired(clock: FrozenClock) -> None:
    token = signed(claims(clock))
    clock.advance(3600 + 61)

    with pytest.raises(NotAllowedError) as error:
        UserTokens(clock).read(WIDGET, token)
    assert code_of(error) == "token_expired"


def test_weak_keys_stop_the_start() -> None:
    with pytest.raises(ConfigError, match="needs 32"):
        WebTokens(b"short", FrozenClock())
    with pytest.raises(ValidationError, match="needs 32"):
        UserKey(kid="k", key=SecretStr("short"))
    with pytest.raises(ValidationError, match="at least one user key"):
        Widget(id="shop", name="Shop", identity_required=True)


def test_origins_are_compared_as_browsers_send_them() -> None:
    widget = Widget(id="shop", name="Shop", origins=("HTTPS://Shop.Example:443/", "http://[::1]:8080"))

    assert widget.origins == ("https://shop.example", "http://[::1]:8080")
    for wrong in ("shop.example", "https://shop.example/path", "ftp://shop.example", "*", "null"):
        with pytest.raises(ValidationError, match="not an origin"):
            Widget(id="shop", name="Shop", origins=(wrong,))


@pytest.mark.parametrize("token", ["\udcff\udcfe", "a.b.c", "", "." * 3, "x" * 5000])
def test_bytes_that_are_no_token_are_refused(tokens: WebTokens, clock: FrozenClock, token: str) -> None:
    with pytest.raises(NotAllowedError, match="not a valid access token"):
        tokens.read_access(token)

    with pytest.raises(NotAllowedError, match="not a valid user token"):
        UserTokens(clock).read(WIDGET, token)
