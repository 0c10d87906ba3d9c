"""Keys are proposed from names, and never used twice."""

from __future__ import annotations

from synergy_domain.projects import ProjectInput, create_project


async def test_projects_of_one_name_get_different_keys(make, runtime):
    owner = await make.user()
    keys = []
    for _ in range(4):
        async with runtime.database.unit_of_work() as uow:
            keys.append((await create_project(uow, owner, ProjectInput(name="Quixotic Zebra"))).key)
    assert keys == ["QZ", "QZ2", "QZ3", "QZ4"]
