"""Every query that lets administrators in says what it found for them."""

from __future__ import annotations

import ast
from pathlib import Path

import synergy_domain

SOURCE = Path(synergy_domain.__file__).parent


def functions_that_let_admins_in() -> dict[str, str]:
    """Functions that hand `actor.is_admin` to a query, with what they do."""
    found: dict[str, str] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            arguments = [arg for call in ast.walk(node) if isinstance(call, ast.Call) for arg in call.args]
            if any(isinstance(arg, ast.Attribute) and arg.attr == "is_admin" for arg in arguments):
                found[f"{path.relative_to(SOURCE)}:{node.name}"] = ast.unparse(node)
    return found


def test_query_that_lets_admins_in_notes_what_they_reached():
    found = functions_that_let_admins_in()
    # it makes a condition; its two callers note
    condition = found.pop("work/repository.py:_visible_task")
    assert "Where" in condition

    silent = [name for name, code in found.items() if "to_access(" not in code and "note_reached(" not in code]

    assert len(found) >= 8
    assert silent == []
