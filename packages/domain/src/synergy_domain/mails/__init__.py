"""Mails: how they look, and the record of them for those who run the instance."""

from synergy_domain.mails.contracts import MailContent, MailQuery, MailState, MailView
from synergy_domain.mails.rendering import Rendered, render_mail
from synergy_domain.mails.service import list_mails, read_mail

__all__ = ["MailContent", "MailQuery", "MailState", "MailView", "Rendered", "list_mails", "read_mail", "render_mail"]
