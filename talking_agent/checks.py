"""What does not fit together in the settings of the cloud, and what to write. Whether a server answers is not asked here."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

DATABASES = {"postgresql": "DATABASE_URL", "mongodb": "MONGODB_URI"}
ONE = "Write DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql."
S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME")


@register()
def cloud_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.USE_CLOUD_STORAGE:
        return _off()
    return [*_database(), *_bucket(), *_several_servers()]


def _off() -> list[CheckMessage]:
    named = [name for name in ("MONGODB_URI", "S3_BUCKET_NAME") if name in settings.GIVEN]
    if not named or settings.GIVEN & {"USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE"}:
        return []
    return [
        Warning(
            f"{' and '.join(named)} are set, but the cloud is off: everything is kept locally.",
            hint="Write USE_CLOUD_STORAGE=true, or =false to leave it so.",
            id="cloud.W001",
        )
    ]


def _database() -> list[CheckMessage]:
    there = settings.GIVEN & set(DATABASES.values())
    if len(there) > 1 and not settings.DATABASE_TYPE:
        return [
            Error("DATABASE_URL and MONGODB_URI are both set: which has the conversations?", hint=ONE, id="cloud.E001")
        ]
    wanted = DATABASES.get(settings.DATABASE_TYPE)
    if wanted and wanted not in there:
        return [
            Error(
                f"DATABASE_TYPE={settings.DATABASE_TYPE}, but {wanted} is not set.",
                hint=f"Set {wanted}, or change DATABASE_TYPE.",
                id="cloud.E002",
            )
        ]
    if not there:
        return [
            Warning(
                "USE_CLOUD_STORAGE is on, but no database is configured: conversations are kept locally.",
                hint="Set MONGODB_URI or DATABASE_URL.",
                id="cloud.W002",
            )
        ]
    return []


def _bucket() -> list[CheckMessage]:
    missing = [name for name in S3_VARIABLES if name not in settings.GIVEN]
    if settings.CLOUD_AUDIO:
        try:
            _ = storages["audio_cloud"]
        except ImproperlyConfigured as error:
            return [Error(str(error), id="cloud.E003")]
    if not missing:
        return []
    if settings.CLOUD_AUDIO:  # a machine's own role may stand in for the keys, and a default for the region
        told = (
            f"The bucket is used, but {', '.join(missing)} are not set: the machine's own role and us-east-1 are taken."
        )
    else:
        told = f"USE_CLOUD_STORAGE is on, but {', '.join(missing)} are not set: recordings are kept locally."
    return [Warning(told, hint=f"Set {', '.join(missing)}.", id="cloud.W003")]


def _several_servers() -> list[CheckMessage]:
    if not settings.CLOUD_DATABASE or "SECRET_KEY" in settings.GIVEN:
        return []
    return [
        Warning(
            "SECRET_KEY was generated and is in DATA_DIR: another server on the same database would know no learner of this one.",
            hint="Set the same SECRET_KEY for all servers, and DATABASE_URL for shared accounts.",
            id="cloud.W004",
        )
    ]
