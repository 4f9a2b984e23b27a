"""Note recordings whose bytes are on their way, to find those of a server that was killed.

A note is an empty file beside the recordings. It exists from before the bytes are written until after their row is.
Notes are not synced to disk: they outlive the process, and after a power loss `storage orphans` finds the same files.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from django.core.files.storage import storages

FOLDER = ".uploads"


@contextlib.contextmanager
def noted(keys: Iterable[str]) -> Iterator[None]:
    """Note these keys. If the block raises, the notes stay, because the bytes may have no row."""
    keys = list(keys)
    # The bucket can take a recording even when the local disk cannot be written.
    with contextlib.suppress(OSError):
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        for key in keys:
            _note(key).touch(mode=0o600)
    yield
    for key in keys:
        finish(key)


def unfinished() -> list[tuple[str, float]]:
    """Return the noted keys with the time of each note (seconds since 1970)."""
    try:
        return [(unquote(entry.name), entry.stat().st_mtime) for entry in os.scandir(_folder())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def finish(key: str) -> None:
    """Delete the note of a key."""
    with contextlib.suppress(OSError):
        _note(key).unlink()


def _folder() -> Path:
    return Path(storages["audio_local"].path(FOLDER))


def _note(key: str) -> Path:
    return _folder() / quote(key, safe="")
