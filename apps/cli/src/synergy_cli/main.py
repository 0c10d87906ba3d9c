"""The `synergy` command."""

def main() -> None:
    """Entry point."""
