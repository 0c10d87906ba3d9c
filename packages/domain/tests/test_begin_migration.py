from __future__ import annotations

import pytest

from synergy_domain.migrations import begin_migration


def test_begin_migration_takes_the_next_number(tmp_path):
    (tmp_path / "0001_first_schema.py").touch()
    (tmp_path / "0041_later.py").touch()
    path = begin_migration("add_sprints", tmp_path)
    assert path.name == "0042_add_sprints.py"
    values: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), values)  # noqa: S102 - what was just written
    assert (values["revision"], values["down_revision"]) == ("0042", "0041")


@pytest.mark.parametrize("name", ["", "Add", "a-b", "a b", "../a", "1a"])
def test_begin_migration_with_a_name_that_is_none_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="add_sprints"):
        begin_migration(name, tmp_path)
