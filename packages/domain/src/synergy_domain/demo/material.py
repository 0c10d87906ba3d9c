"""Names and words that the reference set is made of."""

from __future__ import annotations

import random

FIRST_NAMES = (
    "Aisha", "Anders", "Beatriz", "Bram", "Carmen", "Chen", "Daria", "David", "Elif", "Emeka", "Fatima", "Felix",
    "Grace", "Hana", "Henrik", "Ines", "Ivan", "Jonas", "Julia", "Kenji", "Lena", "Lucas", "Mara", "Mateo", "Nadia",
    "Noah", "Olga", "Omar", "Paula", "Pavel", "Quinn", "Rosa", "Samir", "Sofia", "Tariq", "Tessa", "Uma", "Viktor",
    "Wanda", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Almeida", "Andersson", "Bauer", "Bianchi", "Brandt", "Castillo", "Demir", "Dubois", "Eriksen",
    "Fischer", "Garcia", "Hansen", "Haddad", "Ito", "Jansen", "Kaya", "Kowalski", "Lindqvist", "Martin", "Mensah",
    "Moreau", "Novak", "Okafor", "Petrov", "Rossi", "Santos", "Schmidt", "Silva", "Tanaka", "Virtanen", "Weber",
    "Yilmaz", "Zhang",
)  # fmt: skip
TIMEZONES = ("UTC", "Europe/Vienna", "Europe/Lisbon", "America/New_York", "Asia/Tokyo", "Africa/Lagos")
DEPARTMENTS = ("Engineering", "Design", "Marketing", "Operations", "Support", "Finance")
AREAS = (
    "Website", "Mobile app", "Checkout", "Data platform", "Onboarding", "Billing", "Help centre", "Warehouse",
    "Search", "Partner portal", "Reporting", "Identity", "Newsletter", "Field service", "Intranet", "Booking",
)  # fmt: skip
EFFORTS = ("relaunch", "migration", "redesign", "roll-out", "clean-up", "pilot", "integration", "audit", "upgrade")
VERBS = ("Fix", "Write", "Review", "Test", "Plan", "Measure", "Simplify", "Document", "Prepare", "Replace", "Check")
THINGS = (
    "the sign-in form", "the export of invoices", "error messages", "the search results", "the release notes",
    "the import of contacts", "keyboard navigation", "the retry of failed payments", "the settings page",
    "the audit log", "image uploads", "the weekly report", "the price table", "the onboarding mail",
    "the empty states", "time zones in the calendar", "the backup schedule", "the address form",
)  # fmt: skip
CIRCUMSTANCES = (
    "", "on small screens", "for new customers", "before the release", "after the update", "in the test system",
    "with the support team", "for large accounts", "without JavaScript", "in other languages",
)  # fmt: skip
SENTENCES = (
    "Two customers reported it this week.", "It must work on a phone too.", "The old behaviour stays behind a switch.",
    "Numbers before and after belong into the ticket.", "Ask the support team what people expect.",
    "The change has to be undone easily.", "See the **notes** of the last meeting.", "It takes longer than planned.",
    "Please keep the texts short.", "I could not reproduce it with an empty account.", "This is ready for a look.",
    "- first the data\n- then the page\n- last the mail", "The list is slow with more than `200` rows.",
    "Agreed, let us do it that way.", "Moved to next week, since the test data is not there yet.", "Good catch.",
    "I tried it in three browsers; only one of them fails.", "Done, and a test guards it.",
)  # fmt: skip
LABELS = (("bug", "#d1453b"), ("feature", "#2f6fde"), ("design", "#9a4bd6"), ("docs", "#5f6b7a"), ("urgent", "#e0851f"))


def text(rng: random.Random, sentences: int) -> str:
    """A text in Markdown."""
    return "\n\n".join(rng.sample(SENTENCES, sentences))


def title(rng: random.Random) -> str:
    """What a task is called."""
    return f"{rng.choice(VERBS)} {rng.choice(THINGS)} {rng.choice(CIRCUMSTANCES)}".rstrip()
