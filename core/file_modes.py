"""Keep DATA_DIR private to the server's account: mode 0600 for each file and 0700 for each folder."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

UMASK = 0o077
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
# Databases with their -wal and -shm, keys, backups. Static files are public.
OURS = ("*.sqlite3", "*.sqlite3-*", "secret_key*", "*.tar")

logger = logging.getLogger(__name__)


def create_privately() -> None:
    """Make the files and folders that this process creates private to its account, SQLite's included."""
    os.umask(UMASK)


def correct() -> None:
    """Correct the modes of existing files in DATA_DIR. Log a warning about files of another account."""
    folder = Path(settings.DATA_DIR)
    recordings = (folder / "recordings").resolve()
    denied: list[Path] = []
    for path, mode in _private(folder, recordings):
        try:
            found = path.lstat()
            if not stat.S_ISLNK(found.st_mode) and stat.S_IMODE(found.st_mode) != mode:
                path.chmod(mode)
        except FileNotFoundError:
            # SQLite's -wal or a recording was removed meanwhile.
            continue
        except OSError:
            denied.append(path)
    if denied:
        more = f" and {len(denied) - 1:,} more" if len(denied) > 1 else ""
        logger.warning(
            "Other accounts of this machine may read %s%s, which belong to another account: chown them to the server's.",
            denied[0],
            more,
        )


def _private(folder: Path, recordings: Path) -> Iterator[tuple[Path, int]]:
    if not _is_shared(folder):
        yield folder, PRIVATE_FOLDER
    for pattern in OURS:
        yield from ((path, PRIVATE_FILE) for path in folder.glob(pattern) if path.is_file())
    for parent, _, names in os.walk(recordings):
        yield Path(parent), PRIVATE_FOLDER
        yield from ((Path(parent, name), PRIVATE_FILE) for name in names)


def _is_shared(folder: Path) -> bool:
    """Return whether others use the folder, too: a system folder, a user's home, or a folder that the project is in."""
    home = Path.home()
    above = {settings.BASE_DIR, *settings.BASE_DIR.parents, home, *home.parents}
    return folder in above or len(folder.parts) <= 2 or bool(folder.stat().st_mode & stat.S_ISVTX)
