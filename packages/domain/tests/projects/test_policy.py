"""Policies as tables: every role and every verb."""

from __future__ import annotations

import itertools

import pytest

from synergy_domain.projects import policy
from synergy_domain.projects.keys import key_stem
from synergy_domain.work import policy as work_policy

ROLES = ("viewer", "member", "manager", "owner")


def row(function, **fixed):
    return [function(role, **fixed) for role in ROLES]


@pytest.mark.parametrize(
    ("function", "fixed", "expected"),
    [
        (policy.may_contribute, {}, [False, True, True, True]),
        (policy.may_manage, {}, [False, False, True, True]),
        (policy.may_own, {}, [False, False, False, True]),
        (work_policy.may_edit_task, {}, [False, True, True, True]),
        (work_policy.may_comment, {}, [False, True, True, True]),
        (work_policy.may_edit_labels, {}, [False, False, True, True]),
        (work_policy.may_delete_task, {"own": True}, [False, True, True, True]),
        (work_policy.may_delete_task, {"own": False}, [False, False, True, True]),
        (work_policy.may_edit_comment, {"own": True}, [False, True, True, True]),
        (work_policy.may_edit_comment, {"own": False}, [False, False, False, False]),
        (work_policy.may_delete_comment, {"own": True}, [False, True, True, True]),
        (work_policy.may_delete_comment, {"own": False}, [False, False, True, True]),
    ],
)
def test_role_may_do_what_the_table_says(function, fixed, expected):
    assert row(function, **fixed) == expected


def test_nobody_grants_above_themselves_or_makes_an_owner():
    pairs = itertools.product(ROLES, ROLES)
    allowed = {(role, granted) for role, granted in pairs if policy.may_grant(role, granted)}
    assert allowed == {
        ("manager", "viewer"), ("manager", "member"), ("manager", "manager"),
        ("owner", "viewer"), ("owner", "member"), ("owner", "manager"),
    }  # fmt: skip


def test_changing_a_member_needs_rank_over_both_roles():
    for role, present, wanted in itertools.product(ROLES, ROLES, ROLES):
        expected = role in {"manager", "owner"} and wanted != "owner" and (present != "owner" or role == "owner")
        assert policy.may_change_member(role, present, wanted) is expected, (role, present, wanted)


def test_everybody_may_leave_and_managers_remove_up_to_their_rank():
    for role, present in itertools.product(ROLES, ROLES):
        assert policy.may_remove_member(role, present, oneself=True)
        expected = role in {"manager", "owner"} and (present != "owner" or role == "owner")
        assert policy.may_remove_member(role, present, oneself=False) is expected


@pytest.mark.parametrize(
    ("name", "stem"),
    [("Website", "WEBS"), ("Food Grindr", "FG"), ("a", "APRJ"), ("Über uns heute", "UUH"), ("日本", "PRJ"),
     ("3D", "DPRJ"), ("One two three four five", "OTTF")],
)  # fmt: skip
def test_key_stem_is_made_of_the_name(name, stem):
    assert key_stem(name) == stem
