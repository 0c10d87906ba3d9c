"""Fixtures of these tests."""

from synergy_testing.granian import serve  # noqa: F401 - a fixture
