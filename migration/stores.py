"""Name the stores that data can be moved between."""

import re
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.utils.module_loading import import_string

from audio.models import Recording
from core.cloud import LOCAL

ROWS = {"postgresql": "default", "mongodb": "mongodb"}
TO_SET = {
    "cloud": "S3_BUCKET_NAME, DATABASE_URL or MONGODB_URI",
    "postgresql": "DATABASE_URL",
    "mongodb": "MONGODB_URI",
}
BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w!.*'()-]+)*)", re.ASCII)


class Unknown(ValueError):
    """Report a store that does not exist or is not configured. The message says which there are."""


@dataclass(frozen=True)
class Store:
    """Hold one store: rows and recordings' bytes that move together.

    Without `database`, only bytes move. Without `place`, bytes stay where they are.
    """

    name: str
    database: str | None
    place: Recording.Place | None
    # For bytes alone: the bucket, and the prefix of each key in it.
    bucket: str | None = None
    prefix: str = ""

    @cached_property
    def audio(self) -> Storage:
        if self.bucket:
            configured = settings.STORAGES["audio_cloud"]
            options = {**configured["OPTIONS"], "bucket_name": self.bucket, "key_prefix": self.prefix}
            other: Storage = import_string(configured["BACKEND"])(**options)
            return other
        return storages["audio_cloud" if self.place == Recording.Place.CLOUD else "audio_local"]

    def bytes_of(self, row: Recording) -> Storage:
        """Return the storage that has the bytes of this row."""
        if self.bucket:
            return self.audio
        return storages["audio_cloud" if row.place == Recording.Place.CLOUD else "audio_local"]


def named(name: str) -> Store:
    """Return the store with this name. Raises Unknown."""
    there = configured()
    if name in there:
        return there[name]
    if (match := BUCKET.fullmatch(name)) and "audio_cloud" in settings.STORAGES:
        return Store(name, None, Recording.Place.CLOUD, bucket=match[1], prefix=match[2].strip("/"))
    known = [*there, *(["s3://BUCKET/PREFIX"] if "audio_cloud" in settings.STORAGES else [])]
    takes = (
        f" It takes {TO_SET[name]} in .env.local; `manage.py storage verify` looks at them." if name in TO_SET else ""
    )
    raise Unknown(f"There is no store {name!r} here. There are: {', '.join(known)}.{takes}")


def databases() -> set[str]:
    """Return the aliases of all databases that may hold conversations, also of those that are not in use now."""
    found = {each.database for each in configured().values() if each.database}
    return found | {LOCAL} | ({settings.CLOUD_DATABASE} if settings.CLOUD_DATABASE else set())


def configured() -> dict[str, Store]:
    """Return the configured stores by name, also while the cloud is off: data can be copied back from it."""
    there = {"local": Store("local", "local", Recording.Place.LOCAL)}
    bucket = Recording.Place.CLOUD if "audio_cloud" in settings.STORAGES else None
    database = settings.CLOUD_DATABASE or settings.CONFIGURED_DATABASE
    if database or bucket:
        there["cloud"] = Store("cloud", database or "local", bucket)
    for name, alias in ROWS.items():
        if alias in settings.DATABASES and "sqlite" not in settings.DATABASES[alias]["ENGINE"]:
            there[name] = Store(name, alias, None)
    if bucket:
        prefix = settings.STORAGES["audio_cloud"]["OPTIONS"].get("key_prefix", "").strip("/")
        name = "/".join(filter(None, ["s3:/", settings.S3_BUCKET_NAME, prefix]))
        there[name] = Store(name, None, bucket, bucket=settings.S3_BUCKET_NAME, prefix=prefix)
    return there
