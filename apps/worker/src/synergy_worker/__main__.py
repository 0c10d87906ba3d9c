"""`python -m synergy_worker worker|scheduler`; settings come from the environment."""

from __future__ import annotations

import os
import sys

from synergy_worker.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
