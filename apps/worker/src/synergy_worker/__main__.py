"""`python -m synergy_worker worker|scheduler`; settings come from the environment. A worker starts `job ID` itself.

`python -m synergy_worker live` exits with 0 when the process of this machine is alive; for health checks.
"""

from __future__ import annotations

import os
import sys

from synergy_platform.crashes import log_crashes
from synergy_worker.probe import probe

if __name__ == "__main__":
    if sys.argv[1:] == ["live"]:
        sys.exit(probe(os.environ))
    log_crashes("synergy-scheduler" if sys.argv[1:] == ["scheduler"] else "synergy-worker")
    # imported only now, so that a health check costs little
    from synergy_worker.main import main

    sys.exit(main(sys.argv[1:], os.environ))
