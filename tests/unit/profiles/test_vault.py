from __future__ import annotations

import pytest

from core.errors import ConfigError
from profiles.identities import Identity, IdentityKind
from profiles.vault import Vault

PHONE = Identity(IdentityKind.PHONE, "+8613800138000")


def vault(seed: int = 1) -> Vault:
    return Vault(lookup_key=bytes([seed]) * 32, wrapping_key=bytes([seed + 1]) * 32)


def test_a_value_is_read_again_with_its_customers_key() -> None:
    key = vault().new_key("c1")

    stored = vault().encrypt(key, "c1", PHONE)

    assert b"13800138000" not in stored
    assert vault().decrypt(key, "c1", PHONE.kind, stored) == "+8613800138000"


def test_the_same_value_is_encrypted_differently_each_time_but_found_by_one_hash() -> None:
    key = vault().new_key("c1")

    assert vault().encrypt(key, "c1", PHONE) != vault().encrypt(key, "c1", PHONE)
    assert vault().look_up_hash(PHONE) == vault().look_up_hash(PHONE)


def test_the_hash_depends_on_the_kind_and_on_the_installation() -> None:
    as_user = Identity(IdentityKind.USER, PHONE.value)

    assert vault().look_up_hash(PHONE) != vault().look_up_hash(as_user)
    assert vault(1).look_up_hash(PHONE) != vault(2).look_up_hash(PHONE)


@pytest.mark.parametrize("change", ["installation", "customer", "kind", "bytes", "short"])
def test_what_does_not_belong_together_cannot_be_read(change: str) -> None:
    key = vault().new_key("c1")
    stored = vault().encrypt(key, "c1", PHONE)

    with pytest.raises(ConfigError, match="restore the key file") as refused:
        vault(2 if change == "installation" else 1).decrypt(
            key,
            "c2" if change == "customer" else "c1",
            IdentityKind.EMAIL if change == "kind" else PHONE.kind,
            stored[:-1] + b"!" if change == "bytes" else stored[:5] if change == "short" else stored,
        )

    assert refused.value.code == "wrong_installation_key"
