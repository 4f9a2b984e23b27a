from django.apps import AppConfig

from core import cloud


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from conversations import database_probe

        cloud.database.probe = database_probe.probe
