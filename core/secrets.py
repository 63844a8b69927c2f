"""The installation's secrets: made once into the home folder, one purpose-bound key derived for each use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ConfigError

KEY_BYTES = 32


class InstallationKey:
    """The root secret; never used itself, only to derive keys of which each serves one purpose.

    Source: RFC 5869 (HKDF); the purpose is HKDF's `info`.
    """

    def __init__(self, root: bytes) -> None:
        if len(root) < KEY_BYTES:
            raise ConfigError(f"The installation's key has {len(root)} bytes; it needs {KEY_BYTES} or more.")
        self._root = root

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key for one purpose, e.g. `web.visitor-token`."""
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=b"yiti", info=purpose.encode()).derive(self._root)


def read_or_make_secret(path: Path) -> tuple[str, bool]:
    """Return the secret kept in a file and whether it was made just now.

    The file is readable by its owner only, and appears whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES + 16) + "\n")
        try:
            os.link(staged, path)  # fails if another process was first; then theirs counts
            return path.read_text().strip(), True
        except FileExistsError:
            pass
        finally:
            staged.unlink()
    return path.read_text().strip(), False
