from django.apps import AppConfig


class TalkingAgentConfig(AppConfig):
    name = "talking_agent"
