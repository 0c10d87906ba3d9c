"""Backups: taken, kept, verified, restored and proven, of the embedded system and of the compose stack."""
