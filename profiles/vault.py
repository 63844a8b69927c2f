"""Keeps identity values: found by a keyed hash, read only with the customer's own key.

Whoever deletes a customer's key has erased every value of theirs, wherever a copy of the row lies.
Source: specs/profiles.md section 4.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import ConfigError
from profiles.identities import Identity, IdentityKind

NONCE_BYTES = 12
KEY_BITS = 256


class Vault:
    """Hashes and encrypts identity values with keys derived from the installation's key.

    `lookup_key` and `wrapping_key` are 32 bytes each and serve nothing else.
    """

    def __init__(self, *, lookup_key: bytes, wrapping_key: bytes) -> None:
        self._lookup_key = lookup_key
        self._wrapping = AESGCM(wrapping_key)

    def look_up_hash(self, identity: Identity) -> str:
        """Return the HMAC-SHA256 under which an identity is stored, in hexadecimal."""
        message = f"{identity.kind.value}\x00{identity.value}".encode()
        return hmac.new(self._lookup_key, message, sha256).hexdigest()

    def new_key(self, customer_id: str) -> bytes:
        """Make a key for one customer; return it wrapped, as it is stored."""
        return self._seal(self._wrapping, AESGCM.generate_key(KEY_BITS), customer_id)

    def encrypt(self, wrapped_key: bytes, customer_id: str, identity: Identity) -> bytes:
        """Encrypt an identity's value with its customer's key."""
        cipher = AESGCM(self._open(self._wrapping, wrapped_key, customer_id))
        return self._seal(cipher, identity.value.encode(), f"{customer_id}/{identity.kind.value}")

    def decrypt(self, wrapped_key: bytes, customer_id: str, kind: IdentityKind, stored: bytes) -> str:
        """Read a value again.

        Raises:
            ConfigError: code `wrong_installation_key`; it was written with another key, or was changed.
        """
        cipher = AESGCM(self._open(self._wrapping, wrapped_key, customer_id))
        return self._open(cipher, stored, f"{customer_id}/{kind.value}").decode()

    @staticmethod
    def _seal(cipher: AESGCM, content: bytes, bound_to: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, content, bound_to.encode())

    @staticmethod
    def _open(cipher: AESGCM, sealed: bytes, bound_to: str) -> bytes:
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise ConfigError(
                "A customer's identity cannot be read with this installation's key; "
                "restore the key file that belongs to this database.",
                code="wrong_installation_key",
            ) from error
