from django.apps import AppConfig

from core import cloud


class AudioConfig(AppConfig):
    name = "audio"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from audio import recordings

        cloud.bucket.probe = recordings.probe
