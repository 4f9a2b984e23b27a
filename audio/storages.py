"""Where the bytes of recordings are: Django storages, chosen by `STORAGES`."""

import os
import tempfile
from typing import Any

from django.core import signing
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.urls import reverse

signer = signing.TimestampSigner(salt="audio.url")


class ChecksumMismatch(ValueError):
    """The bytes that arrived are not those whose SHA-256 was given. Nothing was kept."""


def sync_folder(path: str) -> None:
    """A renamed file survives a power loss only when its folder has been written too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LocalAudioStorage(FileSystemStorage):
    """Files under DATA_DIR. A save is durable when it returns; a URL is signed and expires."""

    def __init__(self, location: os.PathLike[str] | str) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # keys are unique by themselves, and a key kept again means the same bytes

    def _save(self, name: str, content: "File[bytes]") -> str:
        path = self.path(name)
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(dir=folder, prefix=".aside-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
        sync_folder(folder)
        return name

    def url(self, name: str | None, **kwargs: Any) -> str:
        key = name or ""
        return f"{reverse('audio-file', args=[key])}?signature={signer.sign(key)[len(key) + 1 :]}"
