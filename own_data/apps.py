from django.apps import AppConfig


class OwnDataConfig(AppConfig):
    name = "own_data"

    def ready(self) -> None:
        # Models are not loaded before `ready`.
        from django.contrib.admin.models import LogEntry

        from learners import personal_data
        from migration.models import Run
        from own_data import exporting, mentions
        from own_data.models import Export

        personal_data.register(Export, erase=exporting.erase_subject)
        personal_data.register(LogEntry, erase=mentions.erase_log_entries)
        personal_data.register(Run, erase=mentions.erase_runs)
