"""Who may import."""

from __future__ import annotations

import pytest

from synergy_domain.transfer import policy
from synergy_testing.policies import cases, decide, named_in, rules

TABLE = """
                       | viewer | member | manager | owner
    may_import_into()  |   -    |   -    |   yes   |  yes
"""


@pytest.mark.parametrize(("call", "role", "expected"), cases(TABLE))
def test_rule_says_what_the_table_says(call, role, expected):
    assert decide(policy, call, role) is expected


def test_every_rule_has_a_line():
    assert rules(policy) == named_in(TABLE)
