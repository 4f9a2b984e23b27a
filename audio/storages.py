"""Store the bytes of recordings in Django storages, chosen by `STORAGES`."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core import signing
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Describe a file of a storage: its name, its size in bytes, and the time of the last write."""

    name: str
    size: int
    at: datetime


signer = signing.TimestampSigner(salt="audio.url")


class ChecksumMismatch(ValueError):
    """Report that the bytes do not have the given SHA-256. Nothing was kept."""


def sync_folder(path: str) -> None:
    """Sync a folder to disk. A renamed file survives a power loss only after that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LocalAudioStorage(FileSystemStorage):
    """Store files under DATA_DIR. A save is durable on return. URLs are signed and expire."""

    def __init__(self, location: os.PathLike[str] | str) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        # Keys are unique. A key that is saved again has the same bytes.
        return name

    def _save(self, name: str, content: "File[bytes]") -> str:
        path = self.path(name)
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".aside-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        sync_folder(folder)
        return name

    def files(self) -> Iterator[StoredFile]:
        """Yield every file in the folder."""
        for folder, _, names in os.walk(self.location):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    found = os.stat(path, follow_symlinks=False)
                except FileNotFoundError:
                    # The file was removed meanwhile.
                    continue
                key = os.path.relpath(path, self.location).replace(os.sep, "/")
                yield StoredFile(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def versions(self) -> Iterator[list[tuple[str, str]]]:
        """Yield every file with an empty version, in one list. A bucket may have several versions of a file."""
        yield [(file.name, "") for file in self.files()]

    def delete_version(self, name: str, version: str) -> None:
        self.delete(name)

    def url(self, name: str | None, **kwargs: object) -> str:
        key = name or ""
        return f"{reverse('audio-file', args=[key])}?signature={signer.sign(key)[len(key) + 1 :]}"
