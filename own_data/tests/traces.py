"""Say something unmistakable, and search every store for it."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.apps import apps
from django.db import connections, router

from audio.encoding import Clip
from conversations import store
from conversations.drafts import Draft
from conversations.models import Erasure

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PHRASE = "forty-two purple giraffes"
SOUND = b"the sound of forty-two purple giraffes"


def speak(learner: uuid.UUID, talk: str = "talk-1", *, message: str = "asked") -> None:
    """Save a talk whose title, words, corrections and sound have the phrase."""
    correction = {"said": PHRASE, "better": PHRASE, "why": PHRASE, "category": "grammar"}
    drafts = [
        Draft(
            message, "user", PHRASE, AT, audio=Clip(SOUND + talk.encode(), "audio/webm", 30.0), corrections=[correction]
        ),
        Draft(f"{message}-answer", "assistant", f"You said {PHRASE}.", AT),
    ]
    store.save(learner, talk, columns={"title": PHRASE, "timestamp": AT}, messages=drafts, replace=False)


def in_tables(learner: uuid.UUID, databases: list[str]) -> set[str]:
    """Return the tables that hold the phrase or the learner's id. The list of erasures has the id, and may."""
    return {
        f"{using}: {model._meta.label}"
        for using in databases
        for model in apps.get_models(include_auto_created=True)
        if router.allow_migrate_model(using, model)
        for row in model._default_manager.using(using).values()
        if PHRASE in str(row) or (model is not Erasure and _names(learner, str(row)))
    }


def in_files(learner: uuid.UUID, *folders: Path) -> set[str]:
    """Return the files that hold the phrase, or the learner's id as text, byte by byte, and those named after either."""
    words = (PHRASE.encode(), learner.hex.encode(), str(learner).encode())
    return {path.name for path in _files(*folders) if any(word in path.read_bytes() for word in words)}


def without_ledger(learner: uuid.UUID, databases: list[str]) -> None:
    """Remove the learner from the list of erasures, for a search of bytes."""
    for using in databases:
        if router.allow_migrate_model(using, Erasure):
            Erasure.objects.using(using).filter(pk=learner).delete()
        connections[using].close()
        with closing(sqlite3.connect(connections[using].settings_dict["NAME"])) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _names(learner: uuid.UUID, text: str) -> bool:
    return str(learner) in text or learner.hex in text


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
