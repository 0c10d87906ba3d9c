"""What the small demo tells: people, projects, tasks and what was said.

Ages are in days before today, dates in days from today.
"""

from __future__ import annotations

import msgspec

from synergy_domain.demo.repository import DemoPerson
from synergy_domain.projects import GrantableRole, Priority, ProjectStatus
from synergy_domain.work import TaskStatus


class Said(msgspec.Struct, frozen=True):
    """A comment."""

    who: str
    age: float
    text: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is today. `checklist` items that begin with `x ` are ticked; `after` are titles of other tasks."""

    title: str
    status: TaskStatus
    by: str
    age: float
    to: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    priority: Priority = "medium"
    points: int | None = None
    impact: int = 0
    due: int | None = None
    text: str = ""
    checklist: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    key: str
    name: str
    text: str
    status: ProjectStatus
    priority: Priority
    color: str
    owner: str
    age: float
    ends: int
    members: dict[str, GrantableRole]
    labels: dict[str, str]
    jobs: tuple[Job, ...]


def _person(
    username: str, first: str, last: str, department: str, position: str, zone: str, role: str = "member"
) -> DemoPerson:
    return DemoPerson(
        username=username, first_name=first, last_name=last, role=role, department=department, position=position,
        timezone=zone,
    )  # fmt: skip


PEOPLE = (
    _person("mara", "Mara", "Lindqvist", "Product", "Head of product", "Europe/Stockholm", "admin"),
    _person("jonas", "Jonas", "Weber", "Engineering", "Frontend developer", "Europe/Berlin"),
    _person("aisha", "Aisha", "Okafor", "Engineering", "Backend developer", "Africa/Lagos"),
    _person("tomas", "Tomás", "Almeida", "Design", "Product designer", "Europe/Lisbon"),
    _person("lin", "Lin", "Zhang", "Marketing", "Content lead", "Asia/Singapore", "manager"),
    _person("priya", "Priya", "Raman", "Support", "Customer success", "Asia/Kolkata"),
)

_WEBSITE = Plan(
    key="WEB",
    name="Website relaunch",
    status="active",
    priority="high",
    color="#2f6fde",
    owner="mara",
    age=45,
    ends=24,
    text="A faster site that **explains what we do** in one screen.\n\n- Launch on the first Monday after the freeze\n"
    "- No page above 300 kB\n- Every page readable without a mouse",
    members={"jonas": "member", "aisha": "member", "tomas": "manager", "lin": "member", "priya": "viewer"},
    labels={"frontend": "#2f6fde", "backend": "#2c8a57", "content": "#b7791f", "design": "#9a4bd6", "bug": "#d1453b"},
    jobs=(
        Job(
            title="Agree on the page structure",
            status="done",
            by="mara",
            age=44,
            to=("mara", "tomas"),
            labels=("content", "design"),
            priority="high",
            points=3,
            impact=10,
            due=-30,
            checklist=("x Collect what people search for", "x Sort the old pages", "x Sign-off by sales"),
            said=(
                Said("lin", 43, "I counted: a third of the old pages had fewer than ten visits last year."),
                Said("mara", 41.5, "Then they go. @tomas please plan with 14 pages."),
            ),
        ),
        Job(
            title="Choose typefaces and colours",
            status="done",
            by="tomas",
            age=41,
            to=("tomas",),
            labels=("design",),
            points=2,
            impact=5,
            due=-28,
        ),
        Job(
            title="Set up the build and the preview server",
            status="done",
            by="jonas",
            age=40,
            to=("jonas",),
            labels=("frontend",),
            points=3,
            impact=8,
        ),
        Job(
            title="Home page: layout and hero",
            status="done",
            by="tomas",
            age=34,
            to=("jonas", "tomas"),
            labels=("frontend", "design"),
            priority="high",
            points=5,
            impact=12,
            due=-12,
            after=("Choose typefaces and colours", "Set up the build and the preview server"),
            checklist=("x Phone", "x Tablet", "x Wide screens", "x Dark mode"),
            said=(
                Said("tomas", 20, "The headline breaks badly at 360 px, see `hero.css`."),
                Said("jonas", 19, "Fixed, it balances the lines now."),
            ),
        ),
        Job(
            title="Move the contact form to the new API",
            status="done",
            by="aisha",
            age=30,
            to=("aisha",),
            labels=("backend",),
            points=3,
            impact=8,
            due=-6,
        ),
        Job(
            title="Redirects from all old addresses",
            status="done",
            by="jonas",
            age=26,
            to=("aisha",),
            labels=("backend",),
            points=2,
            impact=6,
            said=(Said("aisha", 9, "412 addresses mapped; 9 go to the home page because nothing fits."),),
        ),
        Job(
            title="Write the texts of the product pages",
            status="review",
            by="lin",
            age=28,
            to=("lin",),
            labels=("content",),
            priority="high",
            points=5,
            impact=12,
            due=1,
            checklist=("x Planning", "x Boards", "x Reports", "x Automation", "Security", "x Pricing"),
            said=(
                Said("lin", 3, "Five of six are ready. For *security* I need half an hour with @aisha."),
                Said("aisha", 2.4, "Tomorrow after lunch?"),
            ),
        ),
        Job(
            title="Pricing page with yearly and monthly prices",
            status="review",
            by="mara",
            age=18,
            to=("jonas",),
            labels=("frontend",),
            points=3,
            impact=8,
            due=2,
            said=(Said("jonas", 1.2, "On the preview server. The switch remembers the choice."),),
        ),
        Job(
            title="Customer stories: three to begin with",
            status="in_progress",
            by="lin",
            age=21,
            to=("lin", "priya"),
            labels=("content",),
            points=3,
            impact=6,
            due=6,
            checklist=("x Bakery chain", "Hospital laundry", "Bike couriers"),
        ),
        Job(
            title="Search over all pages",
            status="in_progress",
            by="mara",
            age=15,
            to=("aisha",),
            labels=("backend", "frontend"),
            points=8,
            impact=10,
            due=8,
            text="Search as one types, results grouped by kind.\n\n| part | answer within |\n|---|---|\n"
            "| suggestions | 80 ms |\n| results | 200 ms |",
            checklist=("x Index at build time", "x Ranking", "Keyboard navigation", "Nothing-found page"),
        ),
        Job(
            title="Images in modern formats",
            status="in_progress",
            by="jonas",
            age=11,
            to=("jonas",),
            labels=("frontend",),
            points=2,
            impact=4,
            due=3,
            said=(Said("jonas", 1.8, "Saves 61 % on the home page alone."),),
        ),
        Job(
            title="Cookie notice that asks only what is needed",
            status="in_progress",
            by="mara",
            age=9,
            to=("tomas", "jonas"),
            labels=("design", "frontend"),
            priority="medium",
            points=2,
            impact=3,
            due=-1,
            said=(
                Said("mara", 0.6, "This was due yesterday; what is missing?"),
                Said("tomas", 0.3, "The wording from legal. I asked again."),
            ),
        ),
        Job(
            title="Menu does not close on touch screens",
            status="todo",
            by="priya",
            age=4,
            to=("jonas",),
            labels=("bug", "frontend"),
            priority="urgent",
            points=1,
            impact=2,
            due=1,
            text="1. Open the menu on a phone\n2. Tap beside it\n\nThe menu stays open. Seen with two phones.",
        ),
        Job(
            title="Check every page with a screen reader",
            status="todo",
            by="tomas",
            age=12,
            to=("tomas",),
            labels=("design",),
            priority="high",
            points=5,
            impact=8,
            due=12,
            after=("Home page: layout and hero", "Pricing page with yearly and monthly prices"),
        ),
        Job(
            title="Load test before the launch",
            status="todo",
            by="aisha",
            age=10,
            to=("aisha",),
            labels=("backend",),
            points=3,
            impact=5,
            due=16,
            after=("Search over all pages",),
        ),
        Job(
            title="Launch mail and blog post",
            status="todo",
            by="lin",
            age=8,
            to=("lin",),
            labels=("content",),
            points=2,
            impact=4,
            due=20,
            after=("Write the texts of the product pages",),
        ),
        Job(title="Press kit", status="todo", by="lin", age=7, labels=("content",), priority="low", points=2, impact=1),
        Job(
            title="Switch the domain",
            status="todo",
            by="mara",
            age=6,
            to=("aisha", "jonas"),
            labels=("backend",),
            priority="high",
            points=2,
            impact=6,
            due=23,
            after=(
                "Redirects from all old addresses",
                "Load test before the launch",
                "Check every page with a screen reader",
            ),
        ),
    ),
)

_APP = Plan(
    key="APP",
    name="Mobile app 2.0",
    status="active",
    priority="urgent",
    color="#2c8a57",
    owner="aisha",
    age=60,
    ends=40,
    text="Works without a network, opens in under a second.",
    members={"mara": "manager", "jonas": "member", "tomas": "member", "priya": "member"},
    labels={"ios": "#5f6b7a", "android": "#2c8a57", "sync": "#2f6fde", "bug": "#d1453b", "design": "#9a4bd6"},
    jobs=(
        Job(
            title="Decide how changes are merged",
            status="done",
            by="aisha",
            age=55,
            to=("aisha", "mara"),
            labels=("sync",),
            priority="urgent",
            points=5,
            impact=15,
            said=(
                Said(
                    "aisha",
                    52,
                    "Last writer wins for single fields, lists are merged. Notes are in the sync task.",
                ),
            ),
        ),
        Job(
            title="Local database and its upgrades",
            status="done",
            by="aisha",
            age=50,
            to=("aisha",),
            labels=("sync",),
            points=8,
            impact=15,
            after=("Decide how changes are merged",),
        ),
        Job(
            title="New navigation",
            status="done",
            by="tomas",
            age=38,
            to=("tomas", "jonas"),
            labels=("design",),
            points=5,
            impact=8,
        ),
        Job(
            title="Sync in the background",
            status="in_progress",
            by="aisha",
            age=32,
            to=("aisha",),
            labels=("sync", "ios", "android"),
            priority="urgent",
            points=13,
            impact=20,
            due=5,
            after=("Local database and its upgrades",),
            checklist=(
                "x Queue of changes",
                "x Retry with growing delay",
                "x Battery saver",
                "Conflicts",
                "Show what is not sent yet",
            ),
            said=(
                Said("priya", 6, "Two pilot customers ask when they get it."),
                Said("aisha", 5.5, "Conflicts are the last big part, then a week of testing."),
            ),
        ),
        Job(
            title="Widgets for today's tasks",
            status="in_progress",
            by="jonas",
            age=14,
            to=("jonas",),
            labels=("ios", "android"),
            points=5,
            impact=5,
            due=11,
        ),
        Job(
            title="Photos go missing after a crash",
            status="review",
            by="priya",
            age=8,
            to=("aisha",),
            labels=("bug", "android"),
            priority="urgent",
            points=3,
            impact=4,
            due=0,
            said=(
                Said("priya", 8, "Three reports since Monday, all from Android 14."),
                Said("aisha", 1.1, "The temporary file was deleted too early. Fix is in review, with a test."),
            ),
        ),
        Job(
            title="Sign in with a fingerprint",
            status="review",
            by="mara",
            age=19,
            to=("jonas",),
            labels=("ios", "android"),
            points=3,
            impact=6,
            due=4,
        ),
        Job(
            title="Offline notice that does not alarm",
            status="todo",
            by="tomas",
            age=13,
            to=("tomas",),
            labels=("design",),
            points=2,
            impact=3,
            due=9,
            after=("Sync in the background",),
        ),
        Job(
            title="Pilot with five customers",
            status="todo",
            by="priya",
            age=12,
            to=("priya", "mara"),
            priority="high",
            points=3,
            impact=10,
            due=18,
            after=("Sync in the background",),
            checklist=("x Ask the five", "x Agreements", "Install day", "Weekly call"),
        ),
        Job(
            title="Store texts and pictures",
            status="todo",
            by="mara",
            age=9,
            to=("tomas",),
            labels=("design",),
            points=2,
            impact=2,
            due=26,
        ),
        Job(
            title="Crash reports without personal data",
            status="todo",
            by="aisha",
            age=5,
            labels=("sync",),
            priority="low",
            points=3,
            impact=3,
        ),
    ),
)

_ONBOARDING = Plan(
    key="CARE",
    name="Customer onboarding",
    status="active",
    priority="medium",
    color="#e0851f",
    owner="priya",
    age=28,
    ends=60,
    text="A new customer is at home after one week.",
    members={"lin": "manager", "mara": "member", "tomas": "viewer"},
    labels={"guide": "#e0851f", "training": "#2f6fde", "feedback": "#2c8a57"},
    jobs=(
        Job(
            title="Interview ten new customers",
            status="done",
            by="priya",
            age=26,
            to=("priya",),
            labels=("feedback",),
            points=5,
            checklist=("x Questions", "x Dates", "x Ten talks", "x Summary"),
            said=(
                Said("priya", 12, "Main finding: nobody reads the welcome mail, everybody watches the first video."),
            ),
        ),
        Job(title="First-week checklist", status="done", by="lin", age=20, to=("lin",), labels=("guide",), points=2),
        Job(
            title="Welcome video, 90 seconds",
            status="in_progress",
            by="lin",
            age=11,
            to=("lin",),
            labels=("training",),
            priority="high",
            points=5,
            due=4,
            checklist=("x Script", "x Voice", "Pictures", "Subtitles in four languages"),
        ),
        Job(
            title="Shorter welcome mail",
            status="review",
            by="priya",
            age=10,
            to=("priya",),
            labels=("guide",),
            points=1,
            due=1,
            said=(Said("lin", 0.9, "From 340 words to 90. I like it."),),
        ),
        Job(
            title="Import from other tools, explained",
            status="todo",
            by="mara",
            age=8,
            to=("lin",),
            labels=("guide",),
            points=3,
            due=10,
        ),
        Job(
            title="Weekly open question hour",
            status="todo",
            by="priya",
            age=6,
            to=("priya", "mara"),
            labels=("training",),
            points=1,
            due=7,
        ),
        Job(
            title="Measure how many invite a colleague",
            status="todo",
            by="mara",
            age=5,
            labels=("feedback",),
            priority="low",
            points=2,
        ),
    ),
)

_OFFICE = Plan(
    key="MOVE",
    name="Office move",
    status="planning",
    priority="low",
    color="#9a4bd6",
    owner="lin",
    age=12,
    ends=90,
    text="From the third floor to the old printing works.",
    members={"mara": "manager", "jonas": "member", "aisha": "member", "tomas": "member", "priya": "member"},
    labels={"contract": "#d1453b", "rooms": "#2f6fde"},
    jobs=(
        Job(
            title="Give notice for the old office",
            status="done",
            by="lin",
            age=11,
            to=("lin",),
            labels=("contract",),
            priority="high",
            due=-4,
        ),
        Job(
            title="Floor plan",
            status="in_progress",
            by="tomas",
            age=9,
            to=("tomas",),
            labels=("rooms",),
            due=14,
            checklist=("x Measure", "x Quiet room", "Kitchen", "Desks by team"),
            said=(Said("jonas", 4, "Please no desk behind the door this time."),),
        ),
        Job(
            title="Network and access cards",
            status="todo",
            by="aisha",
            age=7,
            to=("aisha",),
            labels=("rooms",),
            due=45,
            after=("Floor plan",),
        ),
        Job(title="Compare three movers", status="todo", by="lin", age=5, to=("priya",), labels=("contract",), due=30),
        Job(
            title="Plants survive the move",
            status="todo",
            by="priya",
            age=2,
            to=("priya",),
            labels=("rooms",),
            priority="low",
        ),
    ),
)

PLANS = (_WEBSITE, _APP, _ONBOARDING, _OFFICE)
