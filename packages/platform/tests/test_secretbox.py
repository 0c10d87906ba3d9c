"""Secrets at rest."""

from __future__ import annotations

import pytest

from synergy_platform.secretbox import SecretBox, SecretUnreadable
from synergy_platform.tokens import Keyring

OLD, NEW = "an old secret of 32 characters...", "a new secret of 32 characters...."


def test_decrypt_of_what_was_encrypted_gives_the_secret():
    box = SecretBox(Keyring([NEW]), "tests")
    stored = box.encrypt("whsec_ä")
    assert box.decrypt(stored) == "whsec_ä"
    assert b"whsec" not in stored
    assert box.encrypt("whsec_ä") != stored


@pytest.mark.parametrize(("keys", "purpose"), [([NEW], "tests"), ([OLD], "other")])
def test_decrypt_with_another_key_or_purpose_is_unreadable(keys, purpose):
    stored = SecretBox(Keyring([OLD]), "tests").encrypt("secret")
    with pytest.raises(SecretUnreadable, match="SECRET_KEY"):
        SecretBox(Keyring(keys), purpose).decrypt(stored)


@pytest.mark.parametrize("damaged", [b"", b"secret", b"gAAAAA" * 20])
def test_decrypt_of_damaged_bytes_is_unreadable(damaged):
    box = SecretBox(Keyring([NEW]), "tests")
    with pytest.raises(SecretUnreadable):
        box.decrypt(damaged)
    with pytest.raises(SecretUnreadable):
        box.renew(damaged)


def test_renew_encrypts_with_the_first_key_so_that_the_old_one_may_go():
    stored = SecretBox(Keyring([OLD]), "tests").encrypt("secret")
    both = SecretBox(Keyring([NEW, OLD]), "tests")
    assert both.decrypt(stored) == "secret"
    renewed = both.renew(stored)
    assert renewed is not None
    assert SecretBox(Keyring([NEW]), "tests").decrypt(renewed) == "secret"
    assert both.renew(renewed) is None
