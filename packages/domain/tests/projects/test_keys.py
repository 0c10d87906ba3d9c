"""Keys are proposed from names, and never used twice."""

from __future__ import annotations

import pytest

from synergy_domain.projects import ProjectInput, create_project
from synergy_domain.projects.keys import key_stem


async def test_projects_of_one_name_get_different_keys(make, runtime):
    owner = await make.user()
    keys = []
    for _ in range(4):
        async with runtime.database.unit_of_work() as uow:
            keys.append((await create_project(uow, owner, ProjectInput(name="Quixotic Zebra"))).key)
    assert keys == ["QZ", "QZ2", "QZ3", "QZ4"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [("Website", "WEBS"), ("Food Grindr", "FG"), ("a", "APRJ"), ("Über uns heute", "UUH"), ("日本", "PRJ"),
     ("3D", "DPRJ"), ("One two three four five", "OTTF")],
)  # fmt: skip
def test_key_stem_is_made_of_the_name(name, stem):
    assert key_stem(name) == stem
