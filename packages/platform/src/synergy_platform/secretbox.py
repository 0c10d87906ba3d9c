"""Secrets that have to be read again, encrypted where they are stored.

A webhook's secret signs every message, so a hash of it would not do. Whoever reads the database or a backup of it
without `SECRET_KEY` learns nothing.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from synergy_platform.tokens import Keyring


class SecretUnreadable(Exception):
    """What is stored was encrypted with a key that is no longer in SECRET_KEY, or is damaged."""

    def __init__(self) -> None:
        super().__init__("a stored secret cannot be read: the SECRET_KEY that encrypted it is no longer set")


class SecretBox:
    """Encrypts secrets of one purpose with the first of the instance's keys, and reads those of all of them."""

    def __init__(self, keyring: Keyring, purpose: str) -> None:
        # the keyring derives a key for each purpose and secret; Fernet wants it as base64
        keys = [base64.urlsafe_b64encode(key) for key in keyring.keys(f"secretbox:{purpose}")]
        self._first = Fernet(keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, secret: str) -> bytes:
        """What to store; the same secret looks different each time."""
        return self._fernet.encrypt(secret.encode())

    def decrypt(self, stored: bytes) -> str:
        """The secret; raises SecretUnreadable."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken:
            raise SecretUnreadable from None

    def renew(self, stored: bytes) -> bytes | None:
        """The secret encrypted with the first key, so that the others may go; None when it is already.

        Raises SecretUnreadable.
        """
        try:
            self._first.decrypt(stored)
        except InvalidToken:
            return self.encrypt(self.decrypt(stored))
        return None
