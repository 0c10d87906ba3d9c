"""What becomes of a Trello board: pure, so that a dry run says exactly what an import does."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from synergy_domain.transfer.contracts import ImportCounts, ImportedList, ImportMapping, ImportReport
from synergy_domain.transfer.plan import ImportPlan
from synergy_domain.transfer.trello.export import (
    MAX_ACTIONS,
    Board,
    BoardList,
    Card,
    Checklist,
    list_names,
    made_at,
    present,
    read_time,
)
from synergy_domain.transfer.trello.history import CardHistory, read_history
from synergy_domain.transfer.trello.labels import ARCHIVED, LabelBook
from synergy_domain.transfer.trello.people import Directory
from synergy_domain.transfer.trello.statuses import ListStatus, decide_statuses
from synergy_domain.transfer.trello.texts import (
    COMMENT_MAX,
    DESCRIPTION_MAX,
    GROUP_MAX,
    ITEM_MAX,
    NAME_MAX,
    TITLE_MAX,
    attachment_lines,
    clean,
    custom_field_lines,
    cut,
    describe,
    escape,
    shorten,
    single_line,
)
from synergy_domain.work.intake import IncomingComment, IncomingSubtask, IncomingTask

_UNTITLED = "Untitled"
_NO_LIST = ListStatus("todo", "default")

# What a report says when something could not be kept as it was; {n} is how often.
_WARNINGS = {
    "empty": "The board has no cards.",
    "no_rule": "No list's name fits a rule, so everything is to do. Say in the mapping what the lists mean.",
    "old_actions": f"Trello exports only the newest {MAX_ACTIONS} actions: older comments and dates may be missing.",
    "missing_comments": "Comments that Trello counts on these cards but did not export: {n}.",
    "stray_comments": "Comments left out, since their cards are not on the board any more: {n}.",
    "stray_checklists": "Checklists left out, since they belong to no card of the export: {n}.",
    "unread": "Actions left out, since their form is not known: {n}.",
    "no_list": "Cards that belong to no list of the export, and are to do now: {n}.",
    "ticked": "Cards marked complete in Trello in a list that does not mean done; they keep the list's status: {n}.",
    "templates": "Template cards that became ordinary tasks: {n}.",
    "cut_titles": "Titles over 200 characters, cut; they stand whole in the description: {n}.",
    "cut_items": "Checklist items over 300 characters, cut; they stand whole in the task's description: {n}.",
    "item_dues": "Due dates of checklist items left out, since subtasks have none: {n}.",
    "cut_texts": "Descriptions over 100,000 characters, cut: {n}.",
    "cut_comments": "Comments over 20,000 characters, cut: {n}.",
    "cut_labels": "Label names over 50 characters, cut: {n}.",
    "uploads": "Attachments that are files in Trello and stay there; their links may ask for a sign-in: {n}.",
    "no_link": "Attachments left out, since they have no web address: {n}.",
}


def plan_board(board: Board, mapping: ImportMapping, *, now: datetime) -> ImportPlan:
    """What importing `board` writes, no date after `now`; InvalidInput if `mapping` names a list that is not there."""
    return _Planner(board, mapping, now).plan()


class _Planner:
    def __init__(self, board: Board, mapping: ImportMapping, now: datetime) -> None:
        self._board = board
        self._now = now
        self._notes: Counter[str] = Counter()
        self._lists = sorted(present(board.lists), key=lambda entry: entry.pos or 0)
        self._statuses = decide_statuses(list_names(board.lists), mapping)
        self._by_id = {entry.id: entry for entry in self._lists if entry.id}
        self._done = {id_ for id_, entry in self._by_id.items() if self._status(entry).status == "done"}
        self._people = Directory(board)
        self._labels = LabelBook(board)
        self._history = read_history(board)
        self._fields = {field.id: field for field in present(board.custom_fields) if field.id}
        self._checklists = self._checklists_by_card()
        self._linked = self._archived = 0

    def plan(self) -> ImportPlan:
        board = self._board
        order = {entry.id: place for place, entry in enumerate(self._lists)}
        cards = sorted(present(board.cards), key=lambda card: (order.get(card.id_list, len(order)), card.pos or 0))
        tasks = [self._task(card) for card in cards]
        created = made_at(board.id) or min((task.created_at for task in tasks), default=self._now)
        report = self._report(cards, tasks)
        return ImportPlan(
            import_source=f"trello:{board.id}",
            name=shorten(single_line(board.name) or "Trello board", NAME_MAX),
            description=cut(clean(board.desc), DESCRIPTION_MAX),
            created_at=min(created, self._now),
            people=self._people.people,
            member_ids=self._people.member_ids,
            labels=[*self._labels.labels, *([ARCHIVED] if self._archived else [])],
            tasks=tasks,
            report=report,
        )

    def _status(self, entry: BoardList) -> ListStatus:
        return self._statuses[(entry.name or "").strip()]

    def _checklists_by_card(self) -> dict[str, list[Checklist]]:
        cards = {card.id for card in present(self._board.cards)}
        found: defaultdict[str, list[Checklist]] = defaultdict(list)
        for checklist in sorted(present(self._board.checklists), key=lambda entry: entry.pos or 0):
            if checklist.id_card in cards and checklist.id_card:
                found[checklist.id_card].append(checklist)
            else:
                self._notes["stray_checklists"] += 1
        return found

    def _task(self, card: Card) -> IncomingTask:
        history = self._history.of(card)
        entry = self._by_id.get(card.id_list or "")
        status = self._status(entry).status if entry else _NO_LIST.status
        created = history.created_at(card, self._now)
        subtasks, long_items = self._subtasks(card, created)
        comments = self._comments(history)
        names = self._labels.names_on(card)
        if card.closed or (entry is not None and entry.closed):
            self._archived += 1
            names = [name for name in names if name.lower() != ARCHIVED.name] + [ARCHIVED.name]
        title = single_line(card.name) or _UNTITLED
        maker = history.made_by or card.id_member_creator
        due, start = read_time(card.due), read_time(card.start)
        self._note_card(card, entry, status, len(comments))
        return IncomingTask(
            title=shorten(title, TITLE_MAX),
            description=self._description(card, title, long_items),
            status=status,
            reporter_id=self._people.author(maker) if maker else None,
            assignee_ids=[who for one in present(card.id_members) if (who := self._people.assignee(one))],
            labels=names,
            start_date=start.date() if start else None,
            due_date=due.date() if due else None,
            completed_at=max(created, history.finished_at(card, self._done, self._now)) if status == "done" else None,
            created_at=created,
            updated_at=max(created, min(read_time(card.date_last_activity) or created, self._now)),
            subtasks=subtasks,
            comments=comments,
        )

    def _note_card(self, card: Card, entry: BoardList | None, status: str, comments: int) -> None:
        self._notes["no_list"] += entry is None
        self._notes["ticked"] += bool(card.due_complete) and status != "done"
        self._notes["templates"] += bool(card.is_template)
        counted = card.badges.comments if card.badges else None
        self._notes["missing_comments"] += max(0, (counted or 0) - comments)

    def _subtasks(self, card: Card, created: datetime) -> tuple[list[IncomingSubtask], list[str]]:
        subtasks: list[IncomingSubtask] = []
        long_items: list[str] = []
        for checklist in self._checklists.get(card.id or "", []):
            for item in sorted(present(checklist.check_items), key=lambda entry: entry.pos or 0):
                title = single_line(item.name) or _UNTITLED
                if len(title) > ITEM_MAX:
                    long_items.append(f"- {escape(title)}")
                self._notes["item_dues"] += bool(item.due)
                is_completed = item.state == "complete"
                ticked = self._history.items.get(item.id or "") if is_completed else None
                subtasks.append(
                    IncomingSubtask(
                        title=shorten(title, ITEM_MAX),
                        group=shorten(single_line(checklist.name), GROUP_MAX) or None,
                        is_completed=is_completed,
                        assignee_id=self._people.assignee(item.id_member),
                        completed_by=self._people.author(ticked.by) if ticked and ticked.by else None,
                        completed_at=min(ticked.at, self._now) if ticked else None,
                        created_at=min(made_at(item.id) or created, self._now),
                    )
                )
        self._notes["cut_items"] += len(long_items)
        return subtasks, long_items

    def _comments(self, history: CardHistory) -> list[IncomingComment]:
        comments: list[IncomingComment] = []
        for said in history.comments:
            body = clean(said.text)
            if not body:
                continue
            self._notes["cut_comments"] += len(body) > COMMENT_MAX
            at = min(said.at, self._now)
            edited = max(at, min(said.edited_at, self._now)) if said.edited_at else None
            author = self._people.author(said.author)
            comments.append(
                IncomingComment(author_id=author, body=cut(body, COMMENT_MAX), created_at=at, edited_at=edited)
            )
        return comments

    def _description(self, card: Card, title: str, long_items: list[str]) -> str:
        attachments = present(card.attachments)
        links = attachment_lines(attachments)
        self._linked += len(links)
        self._notes["no_link"] += len(attachments) - len(links)
        self._notes["uploads"] += sum(bool(attachment.is_upload) for attachment in attachments)
        is_long = len(title) > TITLE_MAX
        self._notes["cut_titles"] += is_long
        text = describe(
            title if is_long else None,
            clean(card.desc),
            [
                ("Custom fields", custom_field_lines(card, self._fields)),
                ("Checklist items", long_items),
                ("Attachments", links),
            ],
        )
        self._notes["cut_texts"] += len(text) > DESCRIPTION_MAX
        return cut(text, DESCRIPTION_MAX)

    def _report(self, cards: list[Card], tasks: list[IncomingTask]) -> ImportReport:
        notes = self._notes
        notes["old_actions"] = len(present(self._board.actions)) >= MAX_ACTIONS
        notes["stray_comments"] = self._history.stray_comments
        notes["unread"] = self._history.unread
        notes["cut_labels"] = self._labels.shortened
        notes["empty"] = not cards
        notes["no_rule"] = len(self._lists) > 1 and all(one.decided_by == "default" for one in self._statuses.values())
        sizes = Counter(card.id_list for card in cards)
        return ImportReport(
            import_source=f"trello:{self._board.id}",
            name=single_line(self._board.name) or None,
            already_imported=False,
            counts=ImportCounts(
                tasks=len(tasks),
                checklists=sum(len(found) for found in self._checklists.values()),
                subtasks=sum(len(task.subtasks) for task in tasks),
                comments=sum(len(task.comments) for task in tasks),
                labels=len(self._labels.labels),
                people=len(self._people.people),
                members=len(self._people.member_ids),
                archived=self._archived,
                attachments_linked=self._linked,
            ),
            lists=[
                ImportedList(
                    name=single_line(entry.name),
                    status=self._status(entry).status,
                    decided_by=self._status(entry).decided_by,
                    cards=sizes[entry.id],
                    archived=bool(entry.closed),
                )
                for entry in self._lists
            ],
            warnings=[text.format(n=notes[name]) for name, text in _WARNINGS.items() if notes[name]],
            error=None,
        )
