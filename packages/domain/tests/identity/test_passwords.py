"""Which passwords are refused, and that nothing else is."""

from __future__ import annotations

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from synergy_domain.identity.passwords import password_faults


def codes(password: str) -> set[str]:
    return {fault.code for fault in password_faults(password, about_user=["ada", "ada.lovelace@example.org", "Ada"])}


@pytest.mark.parametrize("password", ["synergyos1", "Synergy-2026", "SYNERGYsynergyOS", "!!synergyos!!"])
def test_password_made_of_the_products_name_is_refused(password):
    assert "password_resembles_product" in codes(password)


@pytest.mark.parametrize(
    "password",
    [
        "synergy of nine herons",  # the name is not all of it
        "nothing but letters",
        "ALL IN CAPITALS",
        "!§$%&/()=?",
        "пароль из многих букв",
        "  spaces at both ends  ",
        "x7 " * 42 + "yz",  # 128 characters
    ],
)
def test_password_of_any_composition_is_taken(password):
    assert codes(password) == set()


def test_list_of_common_passwords_has_thousands_that_are_long_enough_to_be_chosen():
    long_enough = [word for word in FREQUENCY_LISTS["passwords"] if 8 <= len(word) <= 128]
    assert len(long_enough) >= 3000
    assert all("password_common" in codes(word.upper()) for word in long_enough[:3000])
