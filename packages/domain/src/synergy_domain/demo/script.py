"""What the small demo tells: people, projects, tasks and what was said."""

from __future__ import annotations

from synergy_domain.demo.app import APP
from synergy_domain.demo.repository import DemoPerson
from synergy_domain.demo.smaller import OFFICE, ONBOARDING
from synergy_domain.demo.website import WEBSITE


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

PLANS = (WEBSITE, APP, ONBOARDING, OFFICE)
