from django.conf import settings
from django.db.models import Model

from core import cloud
from core.cloud import LOCAL

# The tables that `learning` derives are in the database of the conversations.
KEPT = ("conversations", "audio", "learning")
# The outbox, and the exports whose files are on this machine.
LOCAL_ONLY = ("conversations.pendingchange", "own_data.export")
# In the local database for work on that database, in `default` for all other work.
CLAIM = "migration.Claim"


class ConversationRouter:
    """Route conversations and recordings to the cloud's database while it is usable, else to the local one.

    Everything else goes to `default`. The store names its database with `.using(alias)`. This router serves code that
    does not, such as the admin.
    """

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        if model._meta.label_lower in LOCAL_ONLY:
            return LOCAL
        if model._meta.app_label not in KEPT:
            return "default"
        return settings.CLOUD_DATABASE if cloud.database.usable else LOCAL

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: object) -> bool | None:
        # The same model lives in several databases. A copy that moves between them still names its conversation.
        return True if {first._meta.app_label, second._meta.app_label} <= set(KEPT) else None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: object) -> bool:
        if f"{app_label}.{model_name}".lower() == CLAIM.lower():
            return db in ("default", LOCAL)
        if f"{app_label}.{model_name}".lower() in LOCAL_ONLY:
            return db == LOCAL
        if app_label in KEPT:
            # PostgreSQL gets the tables even with the cloud off, because a migration is recorded as applied only once.
            return db != "default" or "postgresql" in settings.DATABASES["default"]["ENGINE"]
        return db == "default"
