"""Identities: the kinds of address a customer has, their common form, and how one is shown to people.

Source: specs/profiles.md section 2 (identity rules 1 to 3).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import phonenumbers

from core.errors import InvalidInputError

HOME_REGION = "CN"
LONGEST_VALUE = 320
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\.]+(?:\.[^\s@<>,;:\"()\[\]\\.]+)+")
_BLOCKED = frozenset({"-1", "null", "none", "nil", "undefined", "nan", "n/a", "unknown", "anonymous"})
_ALL_ONE_DIGIT = re.compile(r"(\d)\1*")


class IdentityKind(StrEnum):
    """What kind of address an identity is; from the strongest to the weakest."""

    USER = "user"
    PHONE = "phone"
    OPENID = "openid"
    EMAIL = "email"
    VISITOR = "visitor"
    CLAIMED_EMAIL = "claimed_email"  # a sender's address that nothing proved; never another kind's equal

    @property
    def priority(self) -> int:
        """Return the rank in identification; the lower number is the stronger kind."""
        return list(IdentityKind).index(self)


PROVES_A_PERSON = frozenset({IdentityKind.USER, IdentityKind.PHONE, IdentityKind.OPENID, IdentityKind.EMAIL})


@dataclass(frozen=True)
class Identity:
    """One address in its common form, as it is looked up."""

    kind: IdentityKind
    value: str


@dataclass(frozen=True)
class ShownIdentity:
    """An identity as people at the desk see it: masked."""

    kind: IdentityKind
    masked: str
    verified: bool
    source: str
    first_seen_at: datetime
    last_seen_at: datetime


def identity(kind: IdentityKind, value: str, *, account: str = "") -> Identity:
    """Bring a value into its kind's common form.

    `account` is our own address on the channel; an openid counts within it, as WeChat gives each app another.

    Raises:
        InvalidInputError: `bad_identity`; the value is none of this kind, or stands for "nobody" (null,
            anonymous, 000-0000 ...). The message holds no value.
    """
    written_by_people = kind in {IdentityKind.PHONE, IdentityKind.EMAIL, IdentityKind.CLAIMED_EMAIL}
    cleaned = (unicodedata.normalize("NFKC", value) if written_by_people else value).strip()
    if not cleaned or len(cleaned) > LONGEST_VALUE or not cleaned.isprintable() or cleaned.casefold() in _BLOCKED:
        raise _unfit(kind)
    match kind:
        case IdentityKind.PHONE:
            return Identity(kind, _e164(cleaned))
        case IdentityKind.EMAIL | IdentityKind.CLAIMED_EMAIL:
            if not _EMAIL.fullmatch(cleaned):
                raise _unfit(kind)
            return Identity(kind, cleaned.lower())
        case IdentityKind.OPENID:
            return Identity(kind, f"{account}:{cleaned}")
        case _:
            return Identity(kind, cleaned)


def masked(kind: IdentityKind, value: str) -> str:
    """Return enough of a value to recognise it, not enough to use it."""
    match kind:
        case IdentityKind.PHONE:
            return f"{value[:-8]}****{value[-4:]}" if len(value) > 10 else f"****{value[-2:]}"
        case IdentityKind.EMAIL | IdentityKind.CLAIMED_EMAIL:
            name, _, domain = value.partition("@")
            return f"{name[:1]}***@{domain}"
        case IdentityKind.USER:
            return value
        case _:
            return f"{value[:2]}…{value[-4:]}" if len(value) > 12 else "…"


def _e164(value: str) -> str:
    try:
        number = phonenumbers.parse(value, HOME_REGION)
    except phonenumbers.NumberParseException as error:
        raise _unfit(IdentityKind.PHONE) from error
    national = str(number.national_number)
    if not phonenumbers.is_possible_number(number) or _ALL_ONE_DIGIT.fullmatch(national):
        raise _unfit(IdentityKind.PHONE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _unfit(kind: IdentityKind) -> InvalidInputError:
    return InvalidInputError(
        f"The value is not a usable identity of kind {kind.value!r}.", code="bad_identity", kind=kind.value
    )
