"""Check that the server can write to its folders on this machine, for `/readyz` and `manage.py storage verify`."""

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

# As much as a minute of speech takes. A folder with less room counts as full.
ROOM = 256 * 1024  # bytes


def folders() -> dict[str, Path]:
    """Return the folders that the server writes to, by their names for operators."""
    return {
        "data directory": Path(settings.DATA_DIR),
        "recordings": _there(Path(storages["audio_local"].path("audio/probe")).parent),
        # Large uploads are buffered here.
        "temporary files": Path(settings.FILE_UPLOAD_TEMP_DIR),
    }


def _there(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists: the first recording creates the others."""
    return folder if os.path.lexists(folder) or folder == folder.parent else _there(folder.parent)


def try_writing(folder: Path) -> None:
    """Write as much as a recording takes to a folder. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(ROOM))
        file.flush()
        os.fsync(file.fileno())


def try_writing_database(path: Path) -> None:
    """Write a SQLite database's version back to it. Raises OSError, with ENOSPC on a full disk. A locked database passes."""
    # The mode "rw" does not create a missing database.
    address = f"{path.resolve().as_uri()}?mode=rw"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            (version,) = file.execute("PRAGMA user_version").fetchone()
            file.execute(f"PRAGMA user_version = {version}")
            file.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return
        # On a full disk, SQLite may only say "disk I/O error".
        full = shutil.disk_usage(path.parent).free < ROOM
        raise OSError(errno.ENOSPC if full else errno.EACCES, "the disk is full" if full else str(error)) from error
