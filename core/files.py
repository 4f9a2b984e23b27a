"""Check files that settings name, and recognise errors of this machine's files and disks."""

import errno
import re
import sqlite3
from pathlib import Path

# Matches the message of `require`, also inside a longer message.
UNUSABLE = re.compile(r"\w+ names the file (?P<path>.+?), which cannot be read: [^.]+")

OURS = "It and its folder must belong to the user who runs this, and need room on the disk."
# The disk is full, or may not be written.
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
OF_SQLITE = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM),
)


def is_of_the_disk(error: BaseException | None) -> bool:
    """Return whether the machine is the cause and not the program: a full disk, or a file that may not be written."""
    if isinstance(error, OSError):
        return error.errno in OF_THE_DISK
    if isinstance(error, sqlite3.Error):
        # The lowest byte is the kind of error, the others are details.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in OF_SQLITE
    # Django's errors wrap SQLite's.
    return error is not None and isinstance(error.__cause__, sqlite3.Error) and is_of_the_disk(error.__cause__)


def require(parameter: str, path: str, error: type[Exception]) -> None:
    """Raise `error` if the file cannot be read, with one sentence that names the parameter and the file."""
    try:
        found = Path(path)
        if found.is_dir():
            next(found.iterdir(), None)
        else:
            found.open("rb").close()
    except OSError as why:
        raise error(f"{parameter} names the file {path}, which cannot be read: {why.strerror}") from None


def unusable(message: str) -> str:
    """Return the part of an error's message that names an unreadable file, or an empty string."""
    found = UNUSABLE.search(message)
    return found[0] if found else ""
