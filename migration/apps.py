from django.apps import AppConfig


class MigrationConfig(AppConfig):
    name = "migration"

    def ready(self) -> None:
        from prometheus_client import REGISTRY

        # Imported here, because the models are not loaded before.
        from migration.gauges import CloudCollector

        REGISTRY.register(CloudCollector())
