"""From an older release to this checkout and back again, as an operator does it, while clients never stop.

The stack of that release is built from this repository's own history. It is the newest one whose schema is older: where
nothing is migrated, an upgrade is a deploy, which test_rollout.py tries.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from clients import RATE, RATE_REACHED, assert_nothing_acknowledged_is_lost, under_way
from conftest import PROJECT, ROOT, Lab, started

# two more sets of images, and a second stack
pytestmark = pytest.mark.full

VERSION = "packages/platform/src/synergy_platform/version.py"
MIGRATIONS = "packages/domain/src/synergy_domain/migrations/versions"


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def schema_of(commit: str) -> str:
    """The number of its last migration."""
    return max(Path(path).name[:4] for path in git("ls-tree", "--name-only", commit, f"{MIGRATIONS}/").split())


@pytest.fixture(scope="module")
def release() -> str:
    """The commit of the newest release with an older schema; empty where the history does not reach it."""
    commits = git("log", "--format=%H", "--", VERSION).split()
    return next((commit for commit in commits if schema_of(commit) < schema_of("HEAD")), "")


@pytest.fixture(scope="module")
def version(release) -> str:
    return re.search(r'VERSION = "(.+)"', git("show", f"{release}:{VERSION}"))[1]


@pytest.fixture(scope="module")
def released(tmp_path_factory, request, release):
    """The stack of that release, running in a clone that has this checkout too."""
    if not release:
        pytest.fail("The history here does not reach the release before: `git fetch --unshallow`, then run this again.")
    kept = request.config.getoption("--reuse")
    root = Path(kept or tempfile.mkdtemp(prefix="synergy-upgrade-") + "/synergyos").resolve()
    lab = Lab(root, Lab.https_port + 100, Lab.http_port + 100, f"{PROJECT}-upgrade")
    if kept:
        lab.wait_healthy()
        yield lab
        return
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
    lab.run("git", "checkout", "--quiet", release)
    logs = tmp_path_factory.mktemp("upgrade-logs")
    with started(lab, logs, keep=bool(request.config.getoption("--keep"))):
        lab.signed_in().close()
        lab.run("git", "checkout", "--quiet", git("rev-parse", "HEAD"))
        lab.stack("init")  # what .env needs that it did not need before
        yield lab


def revision(lab: Lab) -> str:
    return lab.sql("SELECT version_num FROM alembic_version")


def records(lab: Lab) -> list[dict[str, object]]:
    """What maintenance_records has of upgrades, the oldest first."""
    rows = lab.sql(
        "SELECT row_to_json(r) FROM maintenance_records r WHERE task = 'upgrade' ORDER BY finished_at"
    ).splitlines()
    return [json.loads(row) for row in rows]


def images(lab: Lab) -> set[str]:
    return {each["Config"]["Image"].rpartition(":")[2] for name in ("api", "web", "worker", "scheduler")
            for each in lab.containers(name)}  # fmt: skip


def ids(lab: Lab) -> set[str]:
    return set(lab.compose("ps", "--quiet").stdout.split())


def test_plan_tells_what_would_happen_and_changes_nothing(released, release, version):
    before = (revision(released), ids(released), (released.root / ".env").read_text())
    done = released.stack("upgrade", "--plan")
    print(done.stdout)
    assert (revision(released), ids(released), (released.root / ".env").read_text()) == before
    assert f"Schema: {schema_of(release)} -> {schema_of('HEAD')}" in done.stdout
    assert re.search("(ALTER|CREATE) TABLE ", done.stdout)
    assert "AccessExclusiveLock, blocks reads and writes" in done.stdout
    # what is new, and not what that release has itself
    assert "\n## " in done.stdout
    assert f"## {version}" not in done.stdout
    assert "Backup: no good one is recorded." in done.stdout
    assert done.stdout.rstrip().endswith("It can be done: `just upgrade`.")
    assert released.docker("ps", "--quiet", "--filter", f"name={released.project}-plan") == ""


def test_plan_with_a_faulty_setting_is_refused_with_a_sentence(released):
    path = released.root / ".env"
    kept = path.read_text()
    try:
        path.write_text(f"{kept}SYNERGY_REGISTRATION=everybody\nSYNERGY_MISPELT=1\n")
        done = released.stack("upgrade", "--plan", check=False)
    finally:
        path.write_text(kept)
    assert done.returncode == 1
    assert "Not possible: " in done.stdout
    assert "SYNERGY_REGISTRATION" in done.stdout
    assert "in .env, and nothing reads it: SYNERGY_MISPELT" in done.stdout


def test_plan_names_services_that_stay_and_should_be_renewed(released):
    files = {name: released.root / name for name in ("compose.yaml", "docker/db/10-roles.sh")}
    kept = {name: path.read_text() for name, path in files.items()}
    try:
        files["compose.yaml"].write_text(kept["compose.yaml"].replace("-carchive_timeout=", "-carchive_timeout=1"))
        files["docker/db/10-roles.sh"].write_text(kept["docker/db/10-roles.sh"] + "# changed\n")
        done = released.stack("upgrade", "--plan", "--no-build", "--tag", released.env("SYNERGY_VERSION"), check=False)
        built = released.stack("upgrade", "--plan")
    finally:
        for name, path in files.items():
            path.write_text(kept[name])
    assert "db: stays as it is" in done.stdout
    assert "another command line" in done.stdout
    assert "its image would be another" not in done.stdout
    # with what the release itself brings between the two
    assert re.search("another command line;.* its image would be another", built.stdout)
    assert "`just build db && just restart db`" in built.stdout


def test_upgrade_without_a_backup_that_works_changes_nothing(released, release):
    before = ids(released)
    done = released.stack("upgrade", check=False)  # the release before has no such verb in its container
    assert done.returncode == 1
    assert "There is no backup" in done.stderr
    assert revision(released) == schema_of(release)
    assert ids(released) == before


def test_upgrade_that_does_not_become_healthy_goes_back_and_is_recorded(released, version):
    told = released.stack("upgrade", "--plan").stdout
    wanted = re.search(r"^From \S+ to (\S+)\.$", told, re.MULTILINE)[1]
    prefix, tag = released.env("SYNERGY_IMAGE_PREFIX"), f"broken-{uuid4().hex[:8]}"
    folder = released.root / "broken"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(
        f"FROM {prefix}python:{wanted}\nUSER root\nRUN rm -r /venv/lib/python3*/site-packages/granian\nUSER 10001\n"
    )
    released.docker("build", "--quiet", "--tag", f"{prefix}python:{tag}", str(folder))
    released.docker("tag", f"{prefix}web:{wanted}", f"{prefix}web:{tag}")
    before = ids(released)
    with under_way(released, min(RATE, 100)) as under:
        done = released.stack("upgrade", "--no-backup", "--no-build", "--tag", tag, check=False)
    assert done.returncode == 1
    assert f"{version} runs as before" in done.stderr
    assert ids(released) == before
    assert under.result["failures"] == []
    assert [(each["outcome"], each["detail"]["to"]) for each in records(released)] == [("failed", tag)]
    assert_nothing_acknowledged_is_lost(released, under)


def test_upgrade_and_rollback_under_load_fail_no_request(released, version):
    with under_way(released) as under:
        done = released.stack("upgrade", "--no-backup")
    print(done.stdout)
    new = released.env("SYNERGY_VERSION")
    assert images(released) == {new}
    assert revision(released) == schema_of("HEAD")
    assert under.result["requests"] > RATE_REACHED * RATE * under.result["seconds"]
    assert under.result["failures"] == []
    assert_nothing_acknowledged_is_lost(released, under)
    record = records(released)[-1]
    assert (record["outcome"], record["detail"]["from"], record["detail"]["to"]) == ("ok", version, new)
    assert "no backup" in done.stdout

    with under_way(released) as back:
        released.stack("rollback")
    assert images(released) == {version}
    assert revision(released) == schema_of("HEAD")  # the schema stays, and the release before works on it
    assert back.result["requests"] > RATE_REACHED * RATE * back.result["seconds"]
    assert back.result["failures"] == []
    assert_nothing_acknowledged_is_lost(released, back)
    assert_nothing_acknowledged_is_lost(released, under)
