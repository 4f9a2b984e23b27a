from django.apps import AppConfig


class OwnDataConfig(AppConfig):
    name = "own_data"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from django.contrib.admin.models import LogEntry

        from learners import personal_data
        from migration.models import Run
        from own_data import exporting, mentions
        from own_data.models import Export, ShareLink

        personal_data.register(Export, erase=exporting.erase_subject)
        exported = personal_data.columns(ShareLink, "wire_id", "words_only", "created_at", "expires_at")
        personal_data.register(ShareLink, export=exported)
        personal_data.register(LogEntry, erase=mentions.erase_log_entries)
        personal_data.register(Run, erase=mentions.erase_runs)
