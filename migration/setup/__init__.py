"""Sets a bucket up as it should be, aspect by aspect: what it is now, what is wanted, and the change, which can be repeated.

Rules, statements and notifications that are not ours are kept. What a server does not know is no failure.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from audio.s3 import S3AudioStorage
from migration.setup import alarms, privacy, rules
from migration.setup.aspect import Aspect, Bucket, Impossible, Unsupported

SHOWN_WITHIN, PAUSE = (
    5,
    1.0,
)  # looks after a change, seconds between them: AWS takes a moment to show what it has accepted


@dataclass(frozen=True, slots=True)
class Asked:
    """What is set up only when asked for (ARNs), and how long things are kept (days; None: as it is, 0: for ever)."""

    queue: str = ""
    topic: str = ""
    alarms: str = ""
    retention_days: int | None = None
    old_versions_days: int | None = None


class State(StrEnum):
    RIGHT = "right"
    TO_DO = "to do"
    DONE = "done"
    UNSUPPORTED = "not supported by this server"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One aspect of the bucket: how it is, how it should be, and what stands against it, in sentences without secrets."""

    aspect: str
    state: State
    now: str = ""
    wanted: str = ""
    trouble: str = ""


def look(storage: S3AudioStorage, asked: Asked | None = None) -> list[Finding]:
    """How the bucket is, and what `carry_out` would change. Changes nothing."""
    existence, *others = _aspects(Bucket(storage), asked or Asked())
    found = _look_at(existence)
    if found.state is State.TO_DO:
        return [found, *(Finding(each.name, State.TO_DO, found.now, each.wanted()) for each in others)]
    return [found] if found.state is State.FAILED else [found, *map(_look_at, others)]


def carry_out(
    storage: S3AudioStorage, asked: Asked | None = None, told: Callable[[Finding], None] = lambda finding: None
) -> list[Finding]:
    """Change what is not as wanted; `told` hears of each aspect when it is done."""
    findings = []
    for aspect in _aspects(Bucket(storage), asked or Asked()):
        found = _look_at(aspect)
        findings.append(_change(aspect, found) if found.state is State.TO_DO else found)
        told(findings[-1])
        if aspect.is_needed_by_all and findings[-1].state is State.FAILED:
            break
    return findings


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
