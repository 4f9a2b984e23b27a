"""Find out whether other applications use the bucket."""

import itertools

from core.json_types import Json
from migration.setup.bucket_setting import FORMER_PROBES, OURS, RECORDINGS, Impossible, TargetBucket, Unsupported

# Sorts after all keys with the same prefix.
BEHIND = "\U0010ffff"


def used_by_others(bucket: TargetBucket) -> str:
    """Describe a sign that other applications use the bucket. Empty if there is none. Raises OSError.

    Signs are objects without our prefix, and lifecycle rules and notifications that are not ours. A bucket that we are
    not allowed to list counts as shared.
    """
    try:
        if sign := _foreign_object(bucket):
            return sign
        for rule in _configured(bucket, "get_bucket_lifecycle_configuration").get("Rules", []):
            if not _ours(rule.get("ID", "")):
                return f"it has the lifecycle rule {rule.get('ID') or 'without a name'}"
        lists = _configured(bucket, "get_bucket_notification_configuration").values()
        for notification in itertools.chain.from_iterable(each for each in lists if isinstance(each, list)):
            if not _ours(notification.get("Id", "")):
                return f"it has the notification {notification.get('Id') or 'without a name'}"
    except Impossible:
        return "it may not be looked into"
    return ""


def _foreign_object(bucket: TargetBucket) -> str:
    after = ""
    for folder in sorted(f"{bucket.prefix}{each}" for each in (RECORDINGS, FORMER_PROBES)):
        if (key := _first_key(bucket, after)) and not key.startswith(folder):
            return f"it holds the object {key}"
        after = folder + BEHIND
    key = _first_key(bucket, after)
    return f"it holds the object {key}" if key else ""


def _first_key(bucket: TargetBucket, after: str) -> str:
    found = bucket.ask("list_objects_v2", MaxKeys=1, StartAfter=after)
    return next((each["Key"] for each in found.get("Contents", [])), "")


def _configured(bucket: TargetBucket, operation: str) -> Json:
    try:
        return bucket.ask(operation)
    except Unsupported:
        return {}


def _ours(name: str) -> bool:
    return name.startswith(f"{OURS}-")
