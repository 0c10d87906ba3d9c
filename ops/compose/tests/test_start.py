"""An empty machine: `just init`, `docker compose up`, and it answers."""

from __future__ import annotations


def test_start_on_an_empty_machine_is_healthy_within_a_minute(lab):
    assert lab.started_seconds < 60


def test_init_again_changes_nothing(lab):
    before = (lab.root / ".env").read_text()
    secrets = {path.name: path.read_text() for path in (lab.root / "secrets").iterdir()}
    lab.stack("init")
    assert (lab.root / ".env").read_text() == before
    assert {path.name: path.read_text() for path in (lab.root / "secrets").iterdir()} == secrets


def test_smoke_finds_nothing_wrong(lab):
    assert "FAIL" not in lab.stack("smoke").stdout
