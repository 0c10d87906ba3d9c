"""The `synergy` command."""
