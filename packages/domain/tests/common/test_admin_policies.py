"""Who may look at what is administrators' alone."""

from __future__ import annotations

import pytest

from synergy_domain.background import policy as background
from synergy_domain.common import AdminsOnly
from synergy_domain.instance import policy as instance
from synergy_domain.mails import policy as mails
from synergy_domain.maintenance import policy as maintenance
from synergy_testing.policies import ACTORS, rules

POLICIES = (background, instance, mails, maintenance)
pytestmark = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)


@pytest.mark.parametrize("name", ACTORS)
def test_only_administrators_may(policy, name):
    actor, allowed = ACTORS[name]
    if allowed:
        policy.require_admin(actor)
        return
    with pytest.raises(AdminsOnly):
        policy.require_admin(actor)


def test_it_is_the_only_rule(policy):
    assert rules(policy) == {"require_admin"}
