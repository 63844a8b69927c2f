"""The one error of text_encoder: an encoder's files are missing, damaged or not the expected ones."""

from __future__ import annotations


class EncoderError(Exception):
    """An encoder cannot be prepared or loaded; the message says what the operator should do.

    Attributes:
        code: stable word for programs: `encoder_missing`, `encoder_damaged`, `encoder_unknown`,
            `package_missing`, `package_unexpected` or `not_writable`.
        details: facts such as paths and checksums.
    """

    def __init__(self, message: str, *, code: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details
