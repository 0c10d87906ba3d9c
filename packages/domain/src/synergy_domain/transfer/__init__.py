"""Transfer: boards of other tools come in."""

from synergy_domain.transfer.contracts import (
    ImportCounts,
    ImportedList,
    ImportMapping,
    ImportProblem,
    ImportReport,
    ImportRequest,
    ImportView,
)
from synergy_domain.transfer.service import (
    DISCARD_FILE,
    RUN_IMPORT,
    check_file,
    check_mapping,
    discard_file,
    get_import,
    import_file,
    list_imports,
    read_mapping,
    request_import,
    run_import,
)

__all__ = [
    "DISCARD_FILE", "RUN_IMPORT", "ImportCounts", "ImportMapping", "ImportProblem", "ImportReport", "ImportRequest",
    "ImportView", "ImportedList", "check_file", "check_mapping", "discard_file", "get_import", "import_file",
    "list_imports", "read_mapping", "request_import", "run_import",
]  # fmt: skip
