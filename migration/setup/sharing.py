"""Find out whether other applications use the bucket."""

import itertools

from migration.setup.bucket_setting import FORMER_PROBES, OURS, RECORDINGS, Impossible, TargetBucket, Unsupported

# Sorts after all keys with the same prefix.
BEHIND = "\U0010ffff"


def used_by_others(bucket: TargetBucket) -> str:
    """Describe a sign that other applications use the bucket. Empty if there is none. Raises OSError.

    Signs are objects without our prefix, and lifecycle rules and notifications that are not ours. A bucket that we are
    not allowed to list counts as shared.
    """
    try:
        return _foreign_object(bucket) or _foreign_rule(bucket) or _foreign_notification(bucket)
    except Impossible:
        return "it may not be looked into"


def _foreign_object(bucket: TargetBucket) -> str:
    after = ""
    for folder in sorted(f"{bucket.prefix}{each}" for each in (RECORDINGS, FORMER_PROBES)):
        if (key := _first_key(bucket, after)) and not key.startswith(folder):
            return f"it holds the object {key}"
        after = folder + BEHIND
    key = _first_key(bucket, after)
    return f"it holds the object {key}" if key else ""


def _first_key(bucket: TargetBucket, after: str) -> str:
    found = bucket.ask("list_objects_v2", MaxKeys=1, StartAfter=after) or {}
    return next((each["Key"] for each in found.get("Contents", [])), "")


def _foreign_rule(bucket: TargetBucket) -> str:
    try:
        found = bucket.ask("get_bucket_lifecycle_configuration") or {}
    except Unsupported:
        return ""
    named = [rule.get("ID", "") for rule in found.get("Rules", [])]
    return next((f"it has the lifecycle rule {name or 'without a name'}" for name in named if not _ours(name)), "")


def _foreign_notification(bucket: TargetBucket) -> str:
    try:
        found = bucket.ask("get_bucket_notification_configuration") or {}
    except Unsupported:
        return ""
    configured = [each for each in found.values() if isinstance(each, list)]
    named = [each.get("Id", "") for each in itertools.chain.from_iterable(configured)]
    return next((f"it has the notification {name or 'without a name'}" for name in named if not _ours(name)), "")


def _ours(name: str) -> bool:
    return name.startswith(f"{OURS}-")
