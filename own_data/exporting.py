"""Make exports in the background, one after the other, and keep their files for a day.

An export has everything of the learner, or the mistakes of their talks as an Anki deck.

An export is a row in the local database and a file in DATA_DIR. A process that is killed leaves the row, and the next
one begins the file anew. Nothing is exported while a part of the cloud is down, because it would be incomplete.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from audio import quota
from core import cloud, safe_traceback
from core.cloud import LOCAL
from learners import erased
from learners.personal_data import DataSubject
from own_data import anki_deck, export_file, export_progress
from own_data.models import Export

Kind = Export.Kind

FOLDER = "exports"
KEPT = timedelta(days=1)
# Exports that wait or run, of all learners.
MOST_WAITING = 20
EXTENSIONS = {Kind.EVERYTHING: "zip", Kind.ANKI: "apkg"}
# Copies of the recordings on the disk while a file is made. MP3 takes more than Opus, and there are two voices.
COPIES = {Kind.EVERYTHING: 3, Kind.ANKI: 4}
# Seconds between two reports of progress.
REPORT_EVERY = 0.5

BUSY = "Too many exports wait already. Try again in some minutes."
DOWN = "The {name} cannot be used now: {cause}. Without it, something would be missing. Try again in a moment."
FAILED = "Your data could not be read completely. Try again in a moment."
DISK_FULL = "The server's disk is too full for your export. Try again later."

UNDER_WAY = (Export.State.WAITING, Export.State.RUNNING)
logger = logging.getLogger(__name__)


class TooManyExports(Exception):
    """Report that MOST_WAITING exports wait or run."""


class Incomplete(Exception):
    """Report that an export would lack something. The message is for the learner."""


class Cancelled(Exception):
    """End an export whose learner has erased everything."""


def request(learner: uuid.UUID, kind: str = Kind.EVERYTHING, conversation: str = "") -> tuple[Export, bool]:
    """Order an export in place of an earlier one, and return it. An export under way stays, and the second value is False.

    Raises TooManyExports.
    """
    rows = Export.objects.using(LOCAL)
    same = {"learner": learner, "kind": kind}
    if found := rows.filter(**same, state__in=UNDER_WAY).first():
        return found, False
    if rows.filter(state__in=UNDER_WAY).count() >= MOST_WAITING:
        raise TooManyExports(BUSY)
    _remove(rows.filter(**same))
    try:
        return rows.create(**same, conversation=conversation), True
    except IntegrityError:
        # Another request was faster.
        return rows.get(**same), False


def of_learner(learner: uuid.UUID, kind: str = Kind.EVERYTHING) -> Export | None:
    return Export.objects.using(LOCAL).filter(learner=learner, kind=kind).first()


def path_of(export: Export) -> Path:
    return settings.DATA_DIR / FOLDER / f"{export.pk}.{EXTENSIONS[Kind(export.kind)]}"


def _remove(exports: Iterable[Export]) -> None:
    for export in exports:
        path = path_of(export)
        # The row first: a file without a row is removed by `work`.
        export.delete(using=LOCAL)
        path.unlink(missing_ok=True)


def remove(learner: uuid.UUID) -> None:
    """Remove the learner's exports with their files."""
    _remove(Export.objects.using(LOCAL).filter(learner=learner))


def erase_subject(subject: DataSubject, using: str) -> None:
    remove(subject.learner)


def work() -> None:
    """Remove what is too old, and make the exports that wait. Raises DatabaseError, OSError."""
    rows = Export.objects.using(LOCAL)
    _remove(rows.filter(finished_at__lt=timezone.now() - KEPT))
    _remove_strays()
    while export := rows.filter(state__in=UNDER_WAY).order_by("requested_at").first():
        _make(export)


def _make(export: Export) -> None:
    result: dict[str, object]
    try:
        result = _write(export)
    except Cancelled:
        return
    except Incomplete as error:
        result = {"state": Export.State.FAILED, "error": str(error)}
    except Exception as error:  # noqa: BLE001
        # The outermost loop of an export: any error is reported, and the learner can order it again.
        logger.error("An export failed: %s", safe_traceback.of(error))
        why = DISK_FULL if quota.is_disk_short(0) else _why_down() or FAILED
        result = {"state": Export.State.FAILED, "error": why}
    rows = Export.objects.using(LOCAL).filter(pk=export.pk)
    if not rows.update(finished_at=timezone.now(), **result):
        # The learner has erased everything meanwhile.
        path_of(export).unlink(missing_ok=True)


def _write(export: Export) -> dict[str, object]:
    """Write the file of an export, and return what to note in its row. Raises Incomplete, Cancelled, and what failed."""
    rows, path = Export.objects.using(LOCAL).filter(pk=export.pk), path_of(export)
    if why := _why_down():
        raise Incomplete(why)
    if quota.is_disk_short(COPIES[Kind(export.kind)] * quota.used(export.learner)):
        raise Incomplete(DISK_FULL)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial, progress, reported_at = path.with_suffix(".partial"), export_progress.ExportProgress(), 0.0
    try:
        for progress in _steps(export, partial):
            if erased.is_erased(export.learner):
                raise Cancelled
            if time.monotonic() - reported_at > REPORT_EVERY:
                rows.update(state=Export.State.RUNNING, percent=int(100 * progress.share))
                reported_at = time.monotonic()
        partial.chmod(0o600)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    size, unheard = path.stat().st_size, progress.unheard
    return {"state": Export.State.DONE, "percent": 100, "size": size, "unheard": unheard, "error": ""}


def _steps(export: Export, path: Path) -> Iterator[export_progress.ExportProgress]:
    if export.kind == Kind.ANKI:
        return anki_deck.write(path, export.learner, export.conversation)
    return export_file.write(path, export.learner, f"{timezone.now():%Y-%m-%d %H:%M} UTC")


def _why_down() -> str:
    """Return which half of the cloud is down, for the learner. Return an empty string if none is."""
    down = cloud.down()
    return next((DOWN.format(name=name, cause=cause) for name, cause in down.items()), "")


def _remove_strays() -> None:
    """Remove files that belong to no export that is done: a killed process has left them."""
    done = Export.objects.using(LOCAL).filter(state=Export.State.DONE)
    ours = {path_of(export).name for export in done}
    with contextlib.suppress(FileNotFoundError):
        for path in (settings.DATA_DIR / FOLDER).iterdir():
            if path.name not in ours:
                path.unlink(missing_ok=True)
