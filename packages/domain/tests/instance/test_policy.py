"""Who may look at the instance."""

from __future__ import annotations

import pytest

from synergy_domain.common import AdminsOnly
from synergy_domain.instance import policy
from synergy_testing.policies import ACTORS, rules


@pytest.mark.parametrize("name", ACTORS)
def test_only_administrators_may(name):
    actor, allowed = ACTORS[name]
    if allowed:
        policy.require_admin(actor)
        return
    with pytest.raises(AdminsOnly):
        policy.require_admin(actor)


def test_it_is_the_only_rule():
    assert rules(policy) == {"require_admin"}
