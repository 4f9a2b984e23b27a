"""The stores that can be moved between, by name."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.utils.module_loading import import_string

from audio.models import Recording
from talking_agent.settings import cloud_database

ROWS = {"postgresql": "default", "mongodb": "mongodb"}
TO_SET = {
    "cloud": "S3_BUCKET_NAME, DATABASE_URL or MONGODB_URI",
    "postgresql": "DATABASE_URL",
    "mongodb": "MONGODB_URI",
}
BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")


class Unknown(ValueError):
    """There is no such store, or it is not configured; the message says which there are."""


@dataclass(frozen=True)
class Store:
    """Rows and recordings' bytes that move together. No `database`: bytes alone move; no `place`: bytes stay where they are."""

    name: str
    database: str | None
    place: Recording.Place | None
    bucket: str | None = None  # another than the configured one

    @cached_property
    def audio(self) -> Storage:
        if self.bucket:
            configured = settings.STORAGES["audio_cloud"]
            options = {**configured["OPTIONS"], "bucket_name": self.bucket}
            other: Storage = import_string(configured["BACKEND"])(**options)
            return other
        return storages["audio_cloud" if self.place == Recording.Place.CLOUD else "audio_local"]

    def bytes_of(self, row: Recording) -> Storage:
        """Where the bytes of this row of the store are."""
        if self.bucket:
            return self.audio
        return storages["audio_cloud" if row.place == Recording.Place.CLOUD else "audio_local"]


def named(name: str) -> Store:
    """Raises Unknown."""
    there = configured()
    if name in there:
        return there[name]
    if (match := BUCKET.fullmatch(name)) and "audio_cloud" in settings.STORAGES:
        return Store(name, None, Recording.Place.CLOUD, bucket=match[1])
    known = [*there, *(["s3://BUCKET"] if "audio_cloud" in settings.STORAGES else [])]
    takes = (
        f" It takes {TO_SET[name]} in .env.local; `manage.py storage verify` looks at them." if name in TO_SET else ""
    )
    raise Unknown(f"There is no store {name!r} here. There are: {', '.join(known)}.{takes}")


def configured() -> dict[str, Store]:
    """Whether or not the cloud is switched on: one comes home from a cloud that is switched off, too."""
    there = {"local": Store("local", "local", Recording.Place.LOCAL)}
    bucket = Recording.Place.CLOUD if "audio_cloud" in settings.STORAGES else None
    database = settings.CLOUD_DATABASE or cloud_database()
    if database or bucket:
        there["cloud"] = Store("cloud", database or "local", bucket)
    for name, alias in ROWS.items():
        if _exists(alias):
            there[name] = Store(name, alias, None)
    if bucket:
        name = f"s3://{settings.S3_BUCKET_NAME}"
        there[name] = Store(name, None, bucket, bucket=settings.S3_BUCKET_NAME)
    return there


def _exists(alias: str) -> bool:
    databases: dict[str, Any] = settings.DATABASES
    return alias in databases and "sqlite" not in databases[alias]["ENGINE"]
