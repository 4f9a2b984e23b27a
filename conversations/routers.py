from typing import Any

from django.conf import settings
from django.db.models import Model

from talking_agent import cloud

KEPT = ("conversations", "audio")
CLAIM = "migration.Claim"  # in the shelter for the work on it, in `default` for the rest


class ConversationRouter:
    """Conversations and recordings live in the cloud's database while it can be used, else in the shelter; everything else in
    `default`. Code that knows better says `.using(alias)`; this is for what asks no more than the model: the admin."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        if model._meta.app_label not in KEPT:
            return "default"
        return settings.CLOUD_DATABASE if cloud.database.usable else "local"

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        # The same model lives in several databases; a copy on its way from one to another names its conversation all the same.
        return True if {first._meta.app_label, second._meta.app_label} <= set(KEPT) else None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        if f"{app_label}.{model_name}".lower() == CLAIM.lower():
            return db in ("default", "local")
        if app_label in KEPT:
            # PostgreSQL has the tables even while the cloud is off: a migration is recorded as done once, and for all.
            return db != "default" or "postgresql" in settings.DATABASES["default"]["ENGINE"]
        return db == "default"
