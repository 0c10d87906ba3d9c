"""`python -m synergy_cli`."""

from synergy_cli.main import main

main()
