"""Activity: what happened in a project. It is the ledger itself, read for one project; nothing is copied."""

from synergy_domain.activity.service import ActivityQuery, ActivityView, list_activity

__all__ = ["ActivityQuery", "ActivityView", "list_activity"]
