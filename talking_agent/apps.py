from django.apps import AppConfig


class TalkingAgentConfig(AppConfig):
    name = "talking_agent"

    def ready(self) -> None:
        from talking_agent import checks  # noqa: F401  # registers them; settings are not there before
