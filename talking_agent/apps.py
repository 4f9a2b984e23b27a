from django.apps import AppConfig


class TalkingAgentConfig(AppConfig):
    name = "talking_agent"

    def ready(self) -> None:
        # Importing registers the checks. The settings are not loaded before `ready`.
        from talking_agent import checks  # noqa: F401
