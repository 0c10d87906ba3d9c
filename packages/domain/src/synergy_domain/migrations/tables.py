"""Import every model, so that the metadata is whole."""

from synergy_domain.identity import models as identity_models
from synergy_domain.maintenance import models as maintenance_models
from synergy_domain.notifications import models as notification_models
from synergy_domain.projects import models as project_models
from synergy_domain.transfer import models as transfer_models
from synergy_domain.webhooks import models as webhook_models
from synergy_domain.work import models as work_models
from synergy_platform.mail import models as mail_models
from synergy_platform.models import Base

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "identity_models",
    "mail_models",
    "maintenance_models",
    "notification_models",
    "project_models",
    "transfer_models",
    "webhook_models",
    "work_models",
]
