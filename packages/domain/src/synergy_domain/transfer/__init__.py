"""Transfer: boards of other tools come in."""

from synergy_domain.transfer.contracts import (
    ImportCounts,
    ImportedList,
    ImportMapping,
    ImportProblem,
    ImportReport,
    ImportUpload,
    ImportView,
)
from synergy_domain.transfer.repository import named_files
from synergy_domain.transfer.service import (
    DISCARD_FILE,
    FILES_AREA,
    RUN_IMPORT,
    check_mapping,
    check_upload,
    discard_file,
    get_import,
    import_file,
    list_imports,
    read_mapping,
    request_import,
    run_import,
)

__all__ = [
    "DISCARD_FILE", "FILES_AREA", "RUN_IMPORT", "ImportCounts", "ImportMapping", "ImportProblem", "ImportReport",
    "ImportUpload", "ImportView", "ImportedList", "check_mapping", "check_upload", "discard_file", "get_import",
    "import_file", "list_imports", "named_files", "read_mapping",
    "request_import", "run_import",
]  # fmt: skip
