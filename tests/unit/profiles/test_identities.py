from __future__ import annotations

import pytest

from core.errors import InvalidInputError
from profiles.identities import IdentityKind, identity, masked


@pytest.mark.parametrize(
    ("kind", "written", "common"),
    [
        (IdentityKind.PHONE, "138 0013 8000", "+8613800138000"),
        (IdentityKind.PHONE, "+86-138-0013-8000", "+8613800138000"),
        (IdentityKind.PHONE, "１３８００１３８０００", "+8613800138000"),
        (IdentityKind.PHONE, "+44 20 7946 0958", "+442079460958"),
        (IdentityKind.EMAIL, "  Wei.Zhang@Example.COM ", "wei.zhang@example.com"),
        (IdentityKind.EMAIL, "王伟@例子.公司", "王伟@例子.公司"),
        (IdentityKind.USER, " C-1001 ", "C-1001"),
        (IdentityKind.USER, "1", "1"),
        (IdentityKind.VISITOR, "v-1", "v-1"),
    ],
)
def test_ways_of_writing_one_address_have_one_form(kind: IdentityKind, written: str, common: str) -> None:
    assert identity(kind, written).value == common


def test_user_ids_that_only_look_alike_stay_apart() -> None:
    assert identity(IdentityKind.USER, "Ａ1") != identity(IdentityKind.USER, "A1")
    assert identity(IdentityKind.USER, "a1") != identity(IdentityKind.USER, "A1")


def test_an_openid_counts_within_its_account_only() -> None:
    one = identity(IdentityKind.OPENID, "oABC", account="wx1")
    other = identity(IdentityKind.OPENID, "oABC", account="wx2")

    assert one != other


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (IdentityKind.PHONE, "123"),
        (IdentityKind.PHONE, "00000000000"),
        (IdentityKind.PHONE, "11111111111"),
        (IdentityKind.PHONE, "not a number"),
        (IdentityKind.EMAIL, "wei"),
        (IdentityKind.EMAIL, "a@b"),
        (IdentityKind.EMAIL, "a@b.c, d@e.f"),
        (IdentityKind.USER, ""),
        (IdentityKind.USER, "null"),
        (IdentityKind.USER, "-1"),
        (IdentityKind.USER, "x" * 321),
        (IdentityKind.USER, "a\x00b"),
        (IdentityKind.VISITOR, "   "),
    ],
)
def test_what_stands_for_nobody_is_refused_without_repeating_it(kind: IdentityKind, value: str) -> None:
    with pytest.raises(InvalidInputError, match=f"not a usable identity of kind '{kind.value}'") as refused:
        identity(kind, value)

    assert refused.value.details == {"kind": kind.value}


def test_the_strongest_kind_comes_first() -> None:
    by_strength = sorted(IdentityKind, key=lambda kind: kind.priority)

    assert [kind.value for kind in by_strength] == ["user", "phone", "openid", "email", "visitor", "claimed_email"]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (IdentityKind.PHONE, "+8613800138000", "+86138****8000"),
        (IdentityKind.PHONE, "+1234567", "****67"),
        (IdentityKind.EMAIL, "wei.zhang@example.com", "w***@example.com"),
        (IdentityKind.USER, "C-1001", "C-1001"),
        (IdentityKind.OPENID, "wx1:oABCDEFGHIJ", "wx…GHIJ"),
        (IdentityKind.VISITOR, "short", "…"),
    ],
)
def test_a_shown_identity_is_masked(kind: IdentityKind, value: str, shown: str) -> None:
    assert masked(kind, value) == shown
