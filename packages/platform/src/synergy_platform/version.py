"""The version of SynergyOS; alone in its file, so that reading it imports nothing."""

VERSION = "0.5.0"
