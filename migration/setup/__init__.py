"""Set up a bucket, setting by setting.

Each setting compares its present state with the wanted one, and changes it if they differ. Every change can be
repeated. Rules, statements and notifications of other applications are kept. If other applications use the bucket,
settings of the whole bucket are changed only on request. A feature that the server lacks does not count as a failure.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from audio.s3 import S3AudioStorage
from migration.setup import alarms, privacy, rule_lists, sharing
from migration.setup.bucket_setting import Aspect, Impossible, TargetBucket, Unsupported

# How often, and how many seconds apart, to look for a change: AWS shows it a moment after accepting it.
SHOWN_WITHIN, PAUSE = 5, 1.0


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """Hold the options of a set-up: ARNs to notify, and how many days to keep things.

    Of the days, None means to leave the bucket as it is, and 0 to keep things for ever.
    """

    queue: str = ""
    topic: str = ""
    alarms: str = ""
    retention_days: int | None = None
    old_versions_days: int | None = None
    # Change the whole bucket even if other applications use it.
    whole_bucket: bool = False


DEFAULTS = SetupOptions()


class SettingState(StrEnum):
    RIGHT = "right"
    TO_DO = "to do"
    DONE = "done"
    LEFT = "left: it concerns the whole bucket"
    UNSUPPORTED = "not supported by this server"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SettingFinding:
    """Hold one setting of the bucket: its state, the wanted one, and what prevents it, in words without secrets."""

    aspect: str
    state: SettingState
    now: str = ""
    wanted: str = ""
    trouble: str = ""

    @property
    def concerns_whole_bucket(self) -> bool:
        return self.aspect in WHOLE_BUCKET


WHOLE_BUCKET = {each.name for each in (*privacy.SETTINGS, alarms.RequestMetrics)}


def shared(storage: S3AudioStorage) -> str:
    """Describe a sign that other applications use the bucket. Empty if there is none. Raises OSError."""
    return sharing.used_by_others(TargetBucket(storage))


def look(storage: S3AudioStorage, options: SetupOptions = DEFAULTS) -> list[SettingFinding]:
    """Return the state of the bucket, and what `carry_out` would change. Changes nothing."""
    bucket = TargetBucket(storage)
    existence, *others = _aspects(bucket, options)
    found = _look_at(existence, leaves=False)
    if found.state is SettingState.TO_DO:
        return [found, *(SettingFinding(each.name, SettingState.TO_DO, found.now, each.wanted()) for each in others)]
    if found.state is SettingState.FAILED:
        return [found]
    leaves = _leaves_whole_bucket(bucket, options)
    return [found, *(_look_at(each, leaves=leaves) for each in others)]


def carry_out(storage: S3AudioStorage, options: SetupOptions = DEFAULTS) -> Iterator[SettingFinding]:
    """Change every setting that is not as wanted, one after the other, and yield what became of it."""
    bucket = TargetBucket(storage)
    leaves = _leaves_whole_bucket(bucket, options)
    for aspect in _aspects(bucket, options):
        found = _look_at(aspect, leaves=leaves)
        if found.state is SettingState.TO_DO:
            found = _change(aspect, found)
        yield found
        if aspect.is_needed_by_all and found.state is SettingState.FAILED:
            return


def _leaves_whole_bucket(bucket: TargetBucket, options: SetupOptions) -> bool:
    """Return whether to leave the whole bucket alone. Call it before the first change."""
    try:
        return not options.whole_bucket and bool(sharing.used_by_others(bucket))
    except OSError:
        # The first setting reports the error.
        return True


def _aspects(bucket: TargetBucket, options: SetupOptions) -> Iterator[Aspect]:
    yield privacy.Existence(bucket)
    yield from (setting(bucket) for setting in privacy.SETTINGS)
    yield rule_lists.OldVersions(bucket, options.old_versions_days)
    yield rule_lists.UnfinishedUploads(bucket, None)
    if options.retention_days is not None:
        yield rule_lists.OldRecordings(bucket, options.retention_days)
    yield rule_lists.Cors(bucket)
    if options.queue or options.topic:
        yield rule_lists.Notifications(bucket, queue=options.queue, topic=options.topic)
    if options.alarms:
        yield from alarms.aspects(bucket, options.alarms)


def _look_at(aspect: Aspect, *, leaves: bool) -> SettingFinding:
    """Compare the present state of a setting with the wanted one. `leaves`: the whole bucket is left alone."""
    try:
        now, wanted = aspect.is_now(), aspect.wanted()
    except Unsupported as error:
        return SettingFinding(aspect.name, SettingState.UNSUPPORTED, trouble=str(error))
    except (Impossible, OSError) as error:
        return SettingFinding(aspect.name, SettingState.FAILED, trouble=str(error))
    if now == wanted:
        return SettingFinding(aspect.name, SettingState.RIGHT, now, wanted)
    is_left = leaves and aspect.name in WHOLE_BUCKET
    return SettingFinding(aspect.name, SettingState.LEFT if is_left else SettingState.TO_DO, now, wanted)


def _change(aspect: Aspect, before: SettingFinding) -> SettingFinding:
    state, trouble = SettingState.UNSUPPORTED, "It was accepted without effect."
    try:
        aspect.apply()
        for _ in range(SHOWN_WITHIN):
            if aspect.is_now() == before.wanted:
                return replace(before, state=SettingState.DONE)
            time.sleep(PAUSE)
    except Unsupported as error:
        trouble = str(error)
    except (Impossible, OSError) as error:
        state, trouble = SettingState.FAILED, str(error)
    return replace(before, state=state, trouble=trouble)
