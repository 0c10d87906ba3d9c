"""Policies as tables: a line for each rule, a column for each role, and no rule without a line."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

import pytest

from synergy_domain.common import Actor
from synergy_platform.ids import new_id

_YES = {"yes": True, "-": False}


def cases(table: str) -> list[Any]:
    """The cells of a table as parameters `call, role, expected`.

    The head names the roles; each line begins with a call such as `may_delete_task(own=True)`, whose first argument is
    the role of the column.
    """
    head, *lines = [line.split("|") for line in table.strip().splitlines()]
    roles = [cell.strip() for cell in head[1:]]
    return [
        pytest.param(call.strip(), role, _YES[cell.strip()], id=f"{call.strip()} {role}")
        for call, *cells in lines
        for role, cell in zip(roles, cells, strict=True)
    ]


def decide(policy: ModuleType, call: str, role: str) -> bool:
    """What the rule says for a role; `nobody` is None."""
    expression = ast.parse(call, mode="eval").body
    assert isinstance(expression, ast.Call)
    assert isinstance(expression.func, ast.Name)
    named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in expression.keywords}
    return getattr(policy, expression.func.id)(None if role == "nobody" else role, **named)


def rules(policy: ModuleType) -> set[str]:
    """The rules that a module of policies makes itself."""
    return {
        name
        for name, function in inspect.getmembers(policy, inspect.isfunction)
        if function.__module__ == policy.__name__
    }


def named_in(*tables: str) -> set[str]:
    """The rules that tables have lines for."""
    return {line.split("(")[0].strip() for table in tables for line in table.strip().splitlines()[1:]}


def _actor(role: str, *scopes: str) -> Actor:
    return Actor(user_id=new_id(), username="somebody", role=role, scopes=frozenset(scopes) if scopes else None)


# who asks → whether they are an administrator to the rules: a token reaches no further than its scopes
ACTORS: dict[str, tuple[Actor, bool]] = {
    "member": (_actor("member"), False),
    "manager": (_actor("manager"), False),
    "admin": (_actor("admin"), True),
    "admin with a token to read": (_actor("admin", "read"), False),
    "admin with a token to write": (_actor("admin", "read", "write"), False),
    "admin with a token for it": (_actor("admin", "read", "write", "admin"), True),
    "member with a token for it": (_actor("member", "read", "write", "admin"), False),
}
