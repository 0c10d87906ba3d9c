"""Work: tasks and their board, subtasks, comments, labels."""

from synergy_domain.work.attachments import (
    FILES_AREA,
    AttachmentContent,
    add_attachment,
    check_may_attach,
    delete_attachment,
    get_attachment,
    get_attachment_content,
    list_attachments,
    named_files,
)
from synergy_domain.work.comments import add_comment, change_comment, delete_comment, list_comments
from synergy_domain.work.contracts import (
    STATUSES,
    AttachmentUpload,
    AttachmentView,
    BoardView,
    CommentInput,
    CommentView,
    LabelChange,
    LabelInput,
    LabelView,
    ProgressView,
    ProjectLabelView,
    SubtaskChange,
    SubtaskInput,
    SubtaskView,
    TaskChange,
    TaskInput,
    TaskMove,
    TaskQuery,
    TaskStatus,
    TaskSummary,
    TaskView,
)
from synergy_domain.work.labels import add_label, change_label, delete_label, list_labels
from synergy_domain.work.repository import SORTS
from synergy_domain.work.subtasks import add_subtask, change_subtask, delete_subtask, list_subtasks
from synergy_domain.work.tasks import (
    change_task,
    create_task,
    delete_task,
    get_board,
    get_progress,
    get_task,
    list_tasks,
    move_task,
)

__all__ = [
    "FILES_AREA", "SORTS", "STATUSES", "AttachmentContent", "AttachmentUpload", "AttachmentView", "BoardView",
    "CommentInput", "CommentView", "LabelChange", "LabelInput", "LabelView", "ProgressView", "ProjectLabelView",
    "SubtaskChange", "SubtaskInput", "SubtaskView", "TaskChange", "TaskInput", "TaskMove", "TaskQuery",
    "TaskStatus", "TaskSummary", "TaskView", "add_attachment", "add_comment", "add_label", "add_subtask",
    "change_comment", "change_label", "change_subtask", "change_task", "check_may_attach", "create_task",
    "delete_attachment", "delete_comment", "delete_label", "delete_subtask", "delete_task", "get_attachment",
    "get_attachment_content", "get_board", "get_progress", "get_task", "list_attachments", "list_comments",
    "list_labels", "list_subtasks", "list_tasks", "move_task", "named_files",
]  # fmt: skip
