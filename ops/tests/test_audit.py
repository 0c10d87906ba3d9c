"""What the bills of materials are made of: every library that is shipped, with a licence that fits."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
audit = runpy.run_path(str(ROOT / "ops/audit.py"))


def test_every_locked_library_is_a_part_with_its_hashes():
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "docker/requirements.txt").read_text(), re.MULTILINE))
    parts = audit["python_parts"]()
    # the one that is for Windows only
    assert locked - {part.name for part in parts} <= {"colorama"}
    assert all(part.hashes and all(len(each) == 64 for each in part.hashes) for part in parts)
    names = {part.name for part in audit["web_parts"]()}
    assert {"react", "react-dom", "react-router", "@react-router/node", "react-aria-components"} <= names
    assert not {"vite", "typescript", "@biomejs/biome"} & names


def test_every_part_has_a_licence_that_fits():
    assert [part for part in [*audit["python_parts"](), *audit["web_parts"]()] if not part.is_fitting] == []


def test_licence_that_binds_what_it_is_shipped_with_does_not_fit():
    part = audit["Part"]
    for licence in ("GPL-3.0-only", "LGPL-2.1-or-later", "AGPL-3.0", "MIT AND GPL-2.0", "", "Proprietary"):
        assert not part("pypi", "x", "1", licence, ()).is_fitting
