"""Set up a bucket, setting by setting.

Each setting compares its present state with the wanted one, and changes it if they differ. Every change can be
repeated. Rules, statements and notifications of other applications are kept. If other applications use the bucket,
settings of the whole bucket are changed only on request. A feature that the server lacks does not count as a failure.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from audio.s3 import S3AudioStorage
from migration.setup import alarms, privacy, rules, sharing
from migration.setup.bucket_setting import Aspect, Bucket, Impossible, Unsupported

# How often, and how many seconds apart, to look for a change: AWS shows it a moment after accepting it.
SHOWN_WITHIN, PAUSE = 5, 1.0


@dataclass(frozen=True, slots=True)
class Asked:
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


class State(StrEnum):
    RIGHT = "right"
    TO_DO = "to do"
    DONE = "done"
    LEFT = "left: it concerns the whole bucket"
    UNSUPPORTED = "not supported by this server"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold one setting of the bucket: its state, the wanted one, and what prevents it, in words without secrets."""

    aspect: str
    state: State
    now: str = ""
    wanted: str = ""
    trouble: str = ""

    @property
    def concerns_whole_bucket(self) -> bool:
        return self.aspect in WHOLE_BUCKET


WHOLE_BUCKET = {
    each.name
    for each in (
        *(privacy.PublicAccessBlock, privacy.Policy, privacy.AccessList, privacy.Encryption, privacy.Versioning),
        alarms.RequestMetrics,
    )
}


def shared(storage: S3AudioStorage) -> str:
    """Describe a sign that other applications use the bucket. Empty if there is none. Raises OSError."""
    return sharing.used_by_others(Bucket(storage))


def look(storage: S3AudioStorage, asked: Asked | None = None) -> list[Finding]:
    """Return the state of the bucket, and what `carry_out` would change. Changes nothing."""
    asked = asked or Asked()
    bucket = Bucket(storage)
    existence, *others = _aspects(bucket, asked)
    found = _look_at(existence)
    if found.state is State.TO_DO:
        return [found, *(Finding(each.name, State.TO_DO, found.now, each.wanted()) for each in others)]
    if found.state is State.FAILED:
        return [found]
    leaves = _leaves_whole_bucket(bucket, asked)
    return [found, *(_left(_look_at(each), leaves) for each in others)]


def carry_out(
    storage: S3AudioStorage, asked: Asked | None = None, on_finding: Callable[[Finding], None] = lambda finding: None
) -> list[Finding]:
    """Change every setting that is not as wanted. `on_finding` is called after each setting."""
    asked = asked or Asked()
    findings: list[Finding] = []
    bucket = Bucket(storage)
    leaves = _leaves_whole_bucket(bucket, asked)
    for aspect in _aspects(bucket, asked):
        found = _left(_look_at(aspect), leaves)
        findings.append(_change(aspect, found) if found.state is State.TO_DO else found)
        on_finding(findings[-1])
        if aspect.is_needed_by_all and findings[-1].state is State.FAILED:
            break
    return findings


def _leaves_whole_bucket(bucket: Bucket, asked: Asked) -> bool:
    """Return whether to leave the whole bucket alone. Call it before the first change."""
    try:
        return not asked.whole_bucket and bool(sharing.used_by_others(bucket))
    except OSError:
        # The first setting reports the error.
        return True


def _left(found: Finding, leaves: bool) -> Finding:
    to_leave = leaves and found.state is State.TO_DO and found.concerns_whole_bucket
    return replace(found, state=State.LEFT) if to_leave else found


def _aspects(bucket: Bucket, asked: Asked) -> Iterator[Aspect]:
    yield privacy.Existence(bucket)
    yield privacy.PublicAccessBlock(bucket)
    yield privacy.Policy(bucket)
    yield privacy.AccessList(bucket)
    yield privacy.Encryption(bucket)
    yield privacy.Versioning(bucket)
    yield rules.OldVersions(bucket, asked.old_versions_days)
    yield rules.UnfinishedUploads(bucket, None)
    if asked.retention_days is not None:
        yield rules.OldRecordings(bucket, asked.retention_days)
    yield rules.Cors(bucket)
    if asked.queue or asked.topic:
        yield rules.Notifications(bucket, queue=asked.queue, topic=asked.topic)
    if asked.alarms:
        yield from alarms.aspects(bucket, asked.alarms)


def _look_at(aspect: Aspect) -> Finding:
    try:
        now, wanted = aspect.is_now(), aspect.wanted()
    except Unsupported as error:
        return Finding(aspect.name, State.UNSUPPORTED, trouble=str(error))
    except (Impossible, OSError) as error:
        return Finding(aspect.name, State.FAILED, trouble=str(error))
    return Finding(aspect.name, State.RIGHT if now == wanted else State.TO_DO, now, wanted)


def _change(aspect: Aspect, before: Finding) -> Finding:
    def ended(state: State, trouble: str = "") -> Finding:
        return Finding(aspect.name, state, before.now, before.wanted, trouble)

    try:
        aspect.apply()
        for _ in range(SHOWN_WITHIN):
            if aspect.is_now() == before.wanted:
                return ended(State.DONE)
            time.sleep(PAUSE)
    except Unsupported as error:
        return ended(State.UNSUPPORTED, str(error))
    except (Impossible, OSError) as error:
        return ended(State.FAILED, str(error))
    return ended(State.UNSUPPORTED, "It was accepted without effect.")
