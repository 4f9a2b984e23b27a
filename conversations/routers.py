from typing import Any

from django.db.models import Model

KEPT = ("conversations", "audio")


class ConversationRouter:
    """Conversations and recordings live in the shelter, everything else in `default`.

    Code that knows better says `.using(alias)`; this is for what asks no more than the model: the admin, and migrations.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return "local" if model._meta.app_label in KEPT else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "local") == (app_label in KEPT)
