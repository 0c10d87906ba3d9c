"""What can go wrong with work."""

from __future__ import annotations

from synergy_platform.errors import Conflict, NotFound


class TaskNotFound(NotFound):
    """There is no such task, or the caller may not see it."""

    code = "task_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such task, or you may not see it.")


class SubtaskNotFound(NotFound):
    """There is no such subtask, or the caller may not see it."""

    code = "subtask_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such subtask, or you may not see it.")


class CommentNotFound(NotFound):
    """There is no such comment, or the caller may not see it."""

    code = "comment_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such comment, or you may not see it.")


class AttachmentNotFound(NotFound):
    """There is no such attachment, or the caller may not see it."""

    code = "attachment_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such attachment, or you may not see it.")


class LabelNotFound(NotFound):
    """There is no such label, or the caller may not see it."""

    code = "label_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such label, or you may not see it.")


class TaskBlocked(Conflict):
    """The project enforces dependencies, and some of this task's are open."""

    code = "task_blocked"

    def __init__(self, blockers: list[str]) -> None:
        super().__init__(
            f"This task waits for {', '.join(blockers)}. Finish them first.", extra={"blocked_by": blockers}
        )


class DependencyCycle(Conflict):
    """A task would depend on itself; `path` leads from it back to it."""

    code = "dependency_cycle"

    def __init__(self, path: list[str]) -> None:
        super().__init__(f"This would make a circle: {' → '.join(path)}.", extra={"path": path})


class NeighbourMoved(Conflict):
    """The task beside which another was to be put is not in that column any more."""

    code = "neighbour_moved"

    def __init__(self) -> None:
        super().__init__(
            "The task beside which you put this one is in another column now. Look again and repeat the move."
        )


class LabelExists(Conflict):
    """The project has a label of this name."""

    code = "label_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"This project has a label named {name} already.")
