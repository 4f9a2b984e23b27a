from django.apps import AppConfig

from core import cloud


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from conversations import database_probe, preferences
        from conversations.models import (
            Conversation,
            Erasure,
            LastClear,
            LearnerPreferences,
            Message,
            PendingChange,
        )
        from learners import personal_data

        cloud.database.probe = database_probe.probe
        personal_data.register(PendingChange)
        # Messages before the conversations that they refer to.
        personal_data.register(Message, erase=Message.erase_subject)
        personal_data.register(Conversation)
        personal_data.register(LastClear)
        personal_data.register(LearnerPreferences, export=preferences.exported)
        # It stays, so that nothing comes back.
        personal_data.register(Erasure, erase=lambda subject, using: None)
