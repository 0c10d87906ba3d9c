"""`python -m synergy_cli.stack VERB`: no installation needed, only this folder on PYTHONPATH."""

import sys

from synergy_cli.stack.cli import main

sys.exit(main(sys.argv[1:]))
