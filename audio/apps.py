from django.apps import AppConfig

from core import cloud


class AudioConfig(AppConfig):
    name = "audio"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from audio import recordings
        from audio.models import Recording
        from learners import personal_data

        cloud.bucket.probe = recordings.probe
        personal_data.register(Recording)
