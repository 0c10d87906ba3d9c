"""`synergy import` as an operator types it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from synergy_cli.importing import import_group
from synergy_domain import projects
from synergy_testing.command import synergy_on

BOARD = json.dumps(
    {
        "id": "b1",
        "name": "Garden",
        "lists": [{"id": "l1", "name": "Info=1", "pos": 1, "closed": True}],
        "cards": [{"id": "c1", "name": "A card", "idList": "l1", "pos": 1}],
    }
)


@pytest.fixture
def synergy(settings):
    return synergy_on(settings, "import", "trello")


async def test_import_trello_makes_the_project_and_prints_the_report(synergy, make, runtime, tmp_path):
    owner = await make.user()
    file = tmp_path / "board.json"
    file.write_text(BOARD)
    status, out, err = await synergy(str(file), "--owner", owner.username, "--map", "Info=1=review")
    assert (status, err) == (0, "")
    assert "Imported “Garden” from Trello:" in out
    assert "1 tasks (1 of them archived)" in out
    assert "Info=1  review       1 cards, as you said, archived" in out
    page = await projects.list_projects(runtime.database.reader(), runtime.cursors, owner, projects.ProjectQuery())
    assert [project.name for project in page.items] == ["Garden"]
    assert str(page.items[0].id) in out
    status, out, _ = await synergy(str(file), "--owner", owner.username, "--dry-run")
    assert status == 0
    assert "imported before, as Garden" in out


async def test_import_trello_of_a_file_cut_in_half_says_so_in_one_line(synergy, make, tmp_path):
    half = tmp_path / "half.json"
    half.write_text(BOARD[:100])
    status, out, err = await synergy(str(half), "--owner", (await make.user()).username)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "it was cut off" in err


@pytest.mark.parametrize(
    ("file", "overrides", "said"),
    [
        ("none.json", [], "cannot be read: No such file"),
        ("", [], "cannot be read: Is a directory"),
        ("board.json", ["--map", "Info"], "--map takes LIST=STATUS"),
        ("board.json", ["--map", "Info=maybe"], "must be one of todo"),
    ],
)
def test_import_trello_with_bad_arguments_says_why_in_one_line(tmp_path, file, overrides, said):
    (tmp_path / "board.json").write_text(BOARD)
    result = CliRunner().invoke(import_group, ["trello", str(tmp_path / file), "--owner", "ann", *overrides])
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
