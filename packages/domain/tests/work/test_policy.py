"""Who may do what with work."""

from __future__ import annotations

import pytest

from synergy_domain.work import policy
from synergy_testing.policies import cases, decide, named_in, rules

TABLE = """
                                      | viewer | member | manager | owner
    may_edit_task()                   |   -    |  yes   |   yes   |  yes
    may_delete_task(own=True)         |   -    |  yes   |   yes   |  yes
    may_delete_task(own=False)        |   -    |   -    |   yes   |  yes
    may_comment()                     |   -    |  yes   |   yes   |  yes
    may_edit_comment(own=True)        |   -    |  yes   |   yes   |  yes
    may_edit_comment(own=False)       |   -    |   -    |    -    |   -
    may_delete_comment(own=True)      |   -    |  yes   |   yes   |  yes
    may_delete_comment(own=False)     |   -    |   -    |   yes   |  yes
    may_attach()                      |   -    |  yes   |   yes   |  yes
    may_delete_attachment(own=True)   |   -    |  yes   |   yes   |  yes
    may_delete_attachment(own=False)  |   -    |   -    |   yes   |  yes
    may_edit_labels()                 |   -    |   -    |   yes   |  yes
"""


@pytest.mark.parametrize(("call", "role", "expected"), cases(TABLE))
def test_rule_says_what_the_table_says(call, role, expected):
    assert decide(policy, call, role) is expected


def test_every_rule_has_a_line():
    assert rules(policy) == named_in(TABLE)
