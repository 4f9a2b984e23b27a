"""Check for bytes of recordings that no message names, in the folder and in the bucket."""

from datetime import timedelta
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from core import cloud
from core.findings import Probe, Warned
from migration import orphan_recordings
from migration.byte_sizes import size
from migration.checks import bucket, local

NAME = "recordings without a message"
# Younger files may still be on their way.
IN_FLIGHT = timedelta(seconds=5)
LOOK_FOR = 2.5  # seconds
DO = "manage.py storage orphans removes what is older than a day. The server removes what it left itself."


def probes() -> list[Probe]:
    found = [Probe(local.GROUP, NAME, partial(count, "audio_local"))]
    if "audio_cloud" in settings.STORAGES:
        found.append(Probe(bucket.GROUP, NAME, partial(count, "audio_cloud")))
    return found


def count(storage: str) -> str:
    """Look for recordings without a message. Raises Warned if there are any, or if they cannot be looked for."""
    try:
        looked_at = list(orphan_recordings.in_storage(storage, age=IN_FLIGHT, within=LOOK_FOR))
    except (cloud.Unavailable, DatabaseError, OSError, BotoCoreError, ClientError, ImproperlyConfigured) as error:
        raise Warned(f"Not looked at: {cloud.sentence(error)}", "See what the other lines say.") from error
    found = [each for each in looked_at if each]
    if found:
        whole = size(sum(each.file.size for each in found))
        raise Warned(f"{len(found):,} of {len(looked_at):,} that were looked at belong to no message ({whole}).", DO)
    return f"Each of {len(looked_at):,} that were looked at belongs to a message."
