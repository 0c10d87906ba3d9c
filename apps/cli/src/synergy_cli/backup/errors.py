"""What goes wrong with backups, said to an operator."""

from __future__ import annotations


class BackupError(Exception):
    """Why a backup, a restore or a drill did not happen; its text says what to do."""


class BackupRefused(BackupError):
    """A backup that is not what was written: bytes changed or gone, or signed with another key."""
