"""Erase what operators' tables say about a learner. Their rows stay, because they record what operators did."""

import uuid

from django.contrib.admin.models import LogEntry

from learners.personal_data import DataSubject
from migration.models import Run
from migration.orphan_recordings import OUR_KEY

ERASED = "(erased)"
# A run with this option copies nothing if it is resumed.
NOBODY = str(uuid.UUID(int=0))


def erase_log_entries(subject: DataSubject, using: str) -> None:
    """Remove titles of conversations and keys of recordings from the admin's log."""
    entries = LogEntry.objects.using(using).exclude(object_repr=ERASED)
    for keys in subject.batches():
        named = [str(key) for key in keys]
        entries.filter(content_type__app_label="conversations", object_id__in=named).update(object_repr=ERASED)
    of_recordings = entries.filter(content_type__app_label="audio").values_list("pk", "object_repr")
    hexes = {key.hex for key in subject.conversations}
    found = ((pk, OUR_KEY.match(key)) for pk, key in of_recordings.iterator())
    theirs = [pk for pk, match in found if match and match[1] in hexes]
    for pk in theirs:
        entries.filter(pk=pk).update(object_repr=ERASED)


def erase_runs(subject: DataSubject, using: str) -> None:
    """Remove the learner from the options of migrations, and the learner's conversations from their failures."""
    learner, keys = str(subject.learner), {str(key) for key in subject.conversations}
    hexes = {key.hex for key in subject.conversations}
    for run in Run.objects.using(using).iterator():
        options = {name: NOBODY if value == learner else value for name, value in run.options.items()}
        failed = {
            what: why
            for what, why in run.failed.items()
            if not (what.rpartition(" ")[2] in keys or ((found := OUR_KEY.match(what)) and found[1] in hexes))
        }
        if (options, failed) != (run.options, run.failed):
            Run.objects.using(using).filter(pk=run.pk).update(options=options, failed=failed)
