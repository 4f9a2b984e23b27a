from django.apps import AppConfig

from talking_agent import cloud


class AudioConfig(AppConfig):
    name = "audio"

    def ready(self) -> None:
        from audio import recordings  # models are not there before

        cloud.bucket.probe = recordings.probe
