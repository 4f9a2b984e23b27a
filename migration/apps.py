from django.apps import AppConfig


class MigrationConfig(AppConfig):
    name = "migration"

    def ready(self) -> None:
        from prometheus_client import REGISTRY

        from migration.gauges import CloudCollector  # models are not there before

        REGISTRY.register(CloudCollector())
