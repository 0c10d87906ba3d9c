"""The administration of accounts."""

from synergy_domain.identity.administration.contracts import AdminUserView, NewUser, UserChange, UserQuery
from synergy_domain.identity.administration.errors import UserNotFound
from synergy_domain.identity.administration.repository import SORTS
from synergy_domain.identity.administration.users import (
    SEND_PASSWORD_LINK,
    activate_user,
    change_user,
    create_user,
    deactivate_user,
    get_user,
    keep_an_admin,
    list_users,
    record,
    reset_second_factors,
    send_password_link,
    sign_user_out,
)

__all__ = [
    "SEND_PASSWORD_LINK",
    "SORTS",
    "AdminUserView",
    "NewUser",
    "UserChange",
    "UserNotFound",
    "UserQuery",
    "activate_user",
    "change_user",
    "create_user",
    "deactivate_user",
    "get_user",
    "keep_an_admin",
    "list_users",
    "record",
    "reset_second_factors",
    "send_password_link",
    "sign_user_out",
]
