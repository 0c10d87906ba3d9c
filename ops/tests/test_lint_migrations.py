"""Migrations that would stop a running system are refused, rule by rule; ours are not."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from synergy_domain import migrations
from synergy_domain.migrations.offline import Migration, migrations_between

OPS = Path(__file__).parents[1]
lint = SimpleNamespace(**runpy.run_path(str(OPS / "lint_migrations.py")))

MIGRATION = '''"""A migration of a test."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    {body}
'''

# rule -> what breaks it
DANGEROUS = {
    "require-concurrent-index-creation": 'op.create_index("ix_tasks_title", "tasks", ["title"])',
    "require-concurrent-index-deletion": 'op.drop_index("ix_tasks_title", table_name="tasks")',
    "ban-concurrent-index-creation-in-transaction":
        'op.create_index("ix_tasks_title", "tasks", ["title"], postgresql_concurrently=True, if_not_exists=True)',
    "adding-required-field": 'op.add_column("tasks", sa.Column("a", sa.Text(), nullable=False))',
    "adding-field-with-default":
        'op.add_column("tasks", sa.Column("a", sa.Uuid(), server_default=sa.text("gen_random_uuid()")))',
    "adding-not-nullable-field": 'op.alter_column("tasks", "title", nullable=False)',
    "changing-column-type": 'op.alter_column("tasks", "number", type_=sa.BigInteger())',
    "renaming-column": 'op.alter_column("tasks", "title", new_column_name="name")',
    "renaming-table": 'op.rename_table("tasks", "issues")',
    "renaming-object": 'op.execute("ALTER INDEX ix_tasks_title RENAME TO ix_tasks_name")',
    "ban-drop-column": 'op.drop_column("tasks", "title")',
    "ban-drop-table": 'op.drop_table("tasks")',
    "ban-drop-not-null": 'op.alter_column("tasks", "title", nullable=True)',
    "ban-drop-constraint": 'op.drop_constraint("uq_tasks_number", "tasks")',
    "constraint-missing-not-valid": 'op.create_check_constraint("c", "tasks", "number > 0")',
    "adding-foreign-key-constraint": 'op.create_foreign_key("f", "tasks", "users", ["owner_id"], ["id"])',
    "disallowed-unique-constraint": 'op.create_unique_constraint("u", "tasks", ["title"])',
    "ban-new-write-restriction": 'op.execute("ALTER TABLE tasks ADD CONSTRAINT c CHECK (number > 0) NOT VALID")',
    "backfill-in-migration": 'op.execute("UPDATE tasks SET title = trim(title)")',
    "explicit-lock": 'op.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")',
    "changed-lock-timeout": 'op.execute("SET LOCAL lock_timeout = 0")',
}  # fmt: skip


@pytest.fixture
def migrations_of(tmp_path):
    """The migrations of a folder with our env.py and one migration that does this."""

    def make(body: str, environment: str | None = None) -> list[Migration]:
        (tmp_path / "versions").mkdir()
        shutil.copy(Path(migrations.__file__).with_name("env.py"), tmp_path)
        if environment is not None:
            (tmp_path / "env.py").write_text(environment)
        (tmp_path / "versions/0001_test.py").write_text(MIGRATION.format(body=body))
        return migrations_between(None, folder=tmp_path)

    return make


@pytest.mark.parametrize("rule", DANGEROUS)
def test_dangerous_migration_is_refused_by_its_rule(migrations_of, rule):
    found = lint.find_problems(migrations_of(DANGEROUS[rule]))
    assert rule in {each.rule for each in found}
    assert all(each.advice for each in found)


def test_migration_without_a_lock_timeout_is_refused(migrations_of):
    ours = Path(migrations.__file__).with_name("env.py").read_text()
    without = "\n".join(line for line in ours.splitlines() if "lock_timeout" not in line)
    assert without != ours
    found = lint.find_problems(migrations_of(DANGEROUS["adding-required-field"], without))
    assert "require-lock-timeout" in {each.rule for each in found}


HARMLESS = {
    "nullable column": 'op.add_column("tasks", sa.Column("a", sa.Text(), nullable=True))',
    "constant default":
        'op.add_column("tasks", sa.Column("a", sa.Integer(), server_default=sa.text("0"), nullable=False))',
    "new table": """op.create_table(
        "sprints", sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("task_id", sa.Uuid(), sa.ForeignKey("tasks.id")), sa.Column("name", sa.Text(), index=True),
    )""",
    "concurrent index": """with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix")
        op.create_index("ix", "tasks", ["title"], postgresql_concurrently=True, if_not_exists=True)
        op.execute("SET lock_timeout = '1s'")""",
}  # fmt: skip


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
def test_migration_that_only_expands_is_taken(migrations_of, body):
    assert lint.judge(migrations_of(body), {}) == []


def test_exemption_holds_for_its_rule_only_and_must_be_needed(migrations_of):
    found = migrations_of(DANGEROUS["ban-drop-column"])
    assert lint.judge(found, {"0001": {"ban-drop-column": "no release since 0.3.0 reads it"}}) == []
    (refused, needless) = lint.judge(found, {"0001": {"ban-drop-table": "a reason"}})
    assert refused.startswith("0001: ban-drop-column: ")
    assert "ban-drop-table is exempt, and nothing breaks it" in needless


def test_our_migrations_can_run_beside_the_release_before():
    assert lint.judge(migrations_between(None), lint.EXEMPT) == []
    assert "0007" not in lint.EXEMPT


def test_begun_migration_is_taken_by_the_linter(tmp_path):
    (tmp_path / "versions").mkdir()
    shutil.copy(Path(migrations.__file__).with_name("env.py"), tmp_path)
    (tmp_path / "versions/0000_first.py").write_text(MIGRATION.format(body="pass").replace('"0001"', '"0000"'))
    migrations.begin_migration("add_name", tmp_path / "versions")
    assert lint.judge(migrations_between(None, folder=tmp_path), {}) == []
