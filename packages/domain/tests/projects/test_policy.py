"""Who may do what in a project."""

from __future__ import annotations

import pytest

from synergy_domain.projects import policy
from synergy_testing.policies import cases, decide, named_in, rules

TABLE = """
                                                             | viewer | member | manager | owner
    may_contribute()                                         |   -    |  yes   |   yes   |  yes
    may_manage()                                             |   -    |   -    |   yes   |  yes
    may_own()                                                |   -    |   -    |    -    |  yes
    at_least(least='viewer')                                 |  yes   |  yes   |   yes   |  yes
    at_least(least='member')                                 |   -    |  yes   |   yes   |  yes
    at_least(least='manager')                                |   -    |   -    |   yes   |  yes
    at_least(least='owner')                                  |   -    |   -    |    -    |  yes
    may_grant(granted='viewer')                              |   -    |   -    |   yes   |  yes
    may_grant(granted='member')                              |   -    |   -    |   yes   |  yes
    may_grant(granted='manager')                             |   -    |   -    |   yes   |  yes
    may_grant(granted='owner')                               |   -    |   -    |    -    |   -
    may_change_member(present='viewer', wanted='viewer')     |   -    |   -    |   yes   |  yes
    may_change_member(present='viewer', wanted='member')     |   -    |   -    |   yes   |  yes
    may_change_member(present='viewer', wanted='manager')    |   -    |   -    |   yes   |  yes
    may_change_member(present='viewer', wanted='owner')      |   -    |   -    |    -    |   -
    may_change_member(present='member', wanted='viewer')     |   -    |   -    |   yes   |  yes
    may_change_member(present='member', wanted='member')     |   -    |   -    |   yes   |  yes
    may_change_member(present='member', wanted='manager')    |   -    |   -    |   yes   |  yes
    may_change_member(present='member', wanted='owner')      |   -    |   -    |    -    |   -
    may_change_member(present='manager', wanted='viewer')    |   -    |   -    |   yes   |  yes
    may_change_member(present='manager', wanted='member')    |   -    |   -    |   yes   |  yes
    may_change_member(present='manager', wanted='manager')   |   -    |   -    |   yes   |  yes
    may_change_member(present='manager', wanted='owner')     |   -    |   -    |    -    |   -
    may_change_member(present='owner', wanted='viewer')      |   -    |   -    |    -    |  yes
    may_change_member(present='owner', wanted='member')      |   -    |   -    |    -    |  yes
    may_change_member(present='owner', wanted='manager')     |   -    |   -    |    -    |  yes
    may_change_member(present='owner', wanted='owner')       |   -    |   -    |    -    |   -
    may_remove_member(present='viewer', oneself=False)       |   -    |   -    |   yes   |  yes
    may_remove_member(present='member', oneself=False)       |   -    |   -    |   yes   |  yes
    may_remove_member(present='manager', oneself=False)      |   -    |   -    |   yes   |  yes
    may_remove_member(present='owner', oneself=False)        |   -    |   -    |    -    |  yes
    may_remove_member(present='viewer', oneself=True)        |  yes   |  yes   |   yes   |  yes
    may_remove_member(present='owner', oneself=True)         |  yes   |  yes   |   yes   |  yes
"""

# who sent the invitation, as what they are in the project by now
INVITATIONS = """
                                                             | nobody | viewer | member | manager | owner
    invitation_stands(role='viewer')                         |   -    |   -    |   -    |   yes   |  yes
    invitation_stands(role='member')                         |   -    |   -    |   -    |   yes   |  yes
    invitation_stands(role='manager')                        |   -    |   -    |   -    |   yes   |  yes
"""


@pytest.mark.parametrize(("call", "role", "expected"), [*cases(TABLE), *cases(INVITATIONS)])
def test_rule_says_what_the_table_says(call, role, expected):
    assert decide(policy, call, role) is expected


def test_every_rule_has_a_line():
    assert rules(policy) == named_in(TABLE, INVITATIONS)


def test_ranks_rise_from_viewer_to_owner():
    assert sorted(policy.RANK, key=policy.RANK.__getitem__) == ["viewer", "member", "manager", "owner"]
