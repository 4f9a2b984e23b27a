from django.apps import AppConfig

from talking_agent import cloud


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        from conversations import store  # models are not there before

        cloud.database.probe = store.probe
