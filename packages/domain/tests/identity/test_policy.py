"""Who may do what with accounts, and through them."""

from __future__ import annotations

from uuid import UUID

import pytest

from synergy_domain.common import AdminsOnly
from synergy_domain.identity import policy
from synergy_testing.policies import ACTORS, cases, decide, rules

ROLES = """
                                  | member | manager | admin
    sees_everybody()              |   -    |   yes   |  yes
"""
# the first argument is the registration mode
MODES = """
                                                | open | invite | closed
    may_register(invited=False)                 | yes  |   -    |   -
    may_register(invited=True)                  | yes  |  yes   |   -
    may_register(invited=False, vouched=False)  | yes  |   -    |   -
    may_register(invited=False, vouched=True)   | yes  |  yes   |  yes
    may_register(invited=True, vouched=True)    | yes  |  yes   |  yes
"""


# of a personal token
SCOPES = """
                                                        | member | manager | admin
    may_give_scopes(scopes=[])                          |  yes   |   yes   |  yes
    may_give_scopes(scopes=['read'])                    |  yes   |   yes   |  yes
    may_give_scopes(scopes=['read', 'write'])           |  yes   |   yes   |  yes
    may_give_scopes(scopes=['admin'])                   |   -    |    -    |  yes
    may_give_scopes(scopes=['read', 'write', 'admin'])  |   -    |    -    |  yes
"""


@pytest.mark.parametrize(("call", "column", "expected"), [*cases(ROLES), *cases(MODES), *cases(SCOPES)])
def test_rule_says_what_the_table_says(call, column, expected):
    assert decide(policy, call, column) is expected


@pytest.mark.parametrize(
    ("email_verified", "is_admin", "expected"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_who_may_reach_others(email_verified, is_admin, expected):
    assert policy.may_reach_out(email_verified=email_verified, is_admin=is_admin) is expected


@pytest.mark.parametrize("name", ACTORS)
def test_only_administrators_see_accounts_and_change_roles_but_never_their_own(name):
    actor, is_admin = ACTORS[name]
    for other in (UUID(int=0), UUID(int=2**128 - 1)):
        assert policy.may_change_role(actor, other) is is_admin
    assert policy.may_change_role(actor, UUID(actor.user_id.hex)) is False
    if is_admin:
        policy.require_admin(actor)
        return
    with pytest.raises(AdminsOnly):
        policy.require_admin(actor)


def test_every_rule_is_tested_above():
    assert rules(policy) == {
        "may_change_role", "may_give_scopes", "may_reach_out", "may_register", "require_admin", "sees_everybody",
    }  # fmt: skip
