"""Read an archive without trusting it: check every name, size and checksum before anything is written."""

import hashlib
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from audio.models import Recording
from conversations.rows import Copy
from core.json_types import Json
from migration.archive import UnusableArchive, layout

COUNTED = ("conversations", "messages", "recordings", "bytes", "accounts", "groups", "missing")
# Bytes of a recording in memory while it is checked.
AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchivedRecording:
    """Hold a recording, and where its bytes are in the file. None: the archive does not have them."""

    row: Recording
    member: tarfile.TarInfo | None


@dataclass(slots=True)
class Contents:
    """Hold what an archive says of itself. Every part of it is verified."""

    manifest: Json
    # Also the other parts that the manifest names.
    shards: dict[str, tarfile.TarInfo] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return {name: self.manifest["counts"][name] for name in COUNTED}


class Archive:
    """Read an open archive, after `verify`. A part that is read again is verified again."""

    # Set by `verify`.
    contents: Contents

    def __init__(self, file: BinaryIO) -> None:
        self._file = _Bounded(file)

    def verify(self) -> Iterator[int]:
        """Verify all of the archive, and yield how many bytes are verified so far. Raises UnusableArchive, OSError."""
        digests: dict[str, str] = {}
        parts: dict[str, tarfile.TarInfo] = {}
        # The recordings' files, until the shard that describes them.
        batch: dict[str, tuple[int, str]] = {}
        last = ""
        for member in self._members():
            last = member.name
            if layout.SEAL in parts or last in parts or last in batch:
                raise UnusableArchive(f"{last} was added to it: it is not what `storage backup` wrote.")
            if layout.is_recording(last):
                batch[last] = member.size, self._digest(member)
            else:
                parts[last], data = member, self._bytes(member)
                digests[last] = hashlib.sha256(data).hexdigest()
                if last.startswith("recordings/"):
                    _match(last, data, batch)
                    batch = {}
            yield member.offset_data + member.size
        if layout.SEAL not in parts or layout.MANIFEST not in parts:
            raise UnusableArchive(_ends_early(last))
        if batch:
            raise UnusableArchive(f"{next(iter(batch))} is in it, and no part says what it is.")
        seal, data = self._bytes(parts.pop(layout.SEAL)), self._bytes(parts.pop(layout.MANIFEST))
        del digests[layout.SEAL]
        if seal.split()[:1] != [digests.pop(layout.MANIFEST).encode()]:
            raise UnusableArchive(_changed(layout.MANIFEST))
        self.contents = Contents(_manifest(data, digests), parts)

    def copies(self) -> Iterator[list[Copy]]:
        """Yield the conversations, shard by shard."""
        for name in sorted(name for name in self.contents.shards if name.startswith("conversations/")):
            yield [layout.to_copy(name, record) for record in layout.records(name, self.part(name))]

    def recordings(self) -> Iterator[list[ArchivedRecording]]:
        """Yield the recordings, shard by shard."""
        batch: dict[str, tarfile.TarInfo] = {}
        for member in self._members():
            if layout.is_recording(member.name):
                batch[member.name] = member
            elif member.name.startswith("recordings/"):
                records = layout.records(member.name, self.part(member.name))
                yield [
                    ArchivedRecording(layout.to_recording(member.name, each), batch.get(each["key"]))
                    for each in records
                ]
                batch = {}

    def part(self, name: str) -> bytes:
        """Return the bytes of a part. Raises UnusableArchive if they have changed."""
        expected = next(each["sha256"] for each in self.contents.manifest["parts"] if each["name"] == name)
        return self._unchanged(self.contents.shards[name], expected)

    def bytes_of(self, recording: ArchivedRecording) -> bytes:
        """Return the bytes of a recording whose bytes the archive has. Raises UnusableArchive if they have changed."""
        assert recording.member
        return self._unchanged(recording.member, recording.row.sha256)

    def _unchanged(self, member: tarfile.TarInfo, sha256: str) -> bytes:
        data = self._bytes(member)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise UnusableArchive(_changed(member.name))
        return data

    def _members(self) -> Iterator[tarfile.TarInfo]:
        self._file.seek(0)
        try:
            with tarfile.open(fileobj=cast(BinaryIO, self._file), mode="r:") as tar:
                while member := tar.next():
                    layout.forget_members(tar)
                    _check(member)
                    yield member
        except tarfile.TarError as error:
            raise UnusableArchive(f"It is no archive of `storage backup`, or is cut off: {error}.") from error

    def _bytes(self, member: tarfile.TarInfo) -> bytes:
        self._file.seek(member.offset_data)
        data = self._file.read(member.size)
        if len(data) != member.size:
            raise UnusableArchive(_ends_early(member.name))
        return data

    def _digest(self, member: tarfile.TarInfo) -> str:
        self._file.seek(member.offset_data)
        digest, left = hashlib.sha256(), member.size
        while left:
            some = self._file.read(min(left, AT_ONCE))
            if not some:
                raise UnusableArchive(_ends_early(member.name))
            digest.update(some)
            left -= len(some)
        return digest.hexdigest()


class _Bounded:
    """Limit each read to the size that a part may have, because the sizes in a header are not trusted."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, lambda: None

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= layout.LARGEST:
            raise UnusableArchive(
                f"A part of it says that it has {size:,} bytes; no more than {layout.LARGEST:,} are taken."
            )
        return self._file.read(size)


def _check(member: tarfile.TarInfo) -> None:
    """Raise UnusableArchive for a member that `storage backup` does not write."""
    known = (layout.MANIFEST, layout.SEAL, layout.PREFERENCES, layout.ACCOUNTS, layout.SECRET_KEY)
    if not (member.name in known or layout.SHARD.fullmatch(member.name) or layout.is_recording(member.name)):
        raise UnusableArchive(f"{member.name!r} does not belong into an archive: it was not made by `storage backup`.")
    if not member.isreg() or member.issparse():
        raise UnusableArchive(f"{member.name} is no plain file: it was not made by `storage backup`.")
    if member.size > layout.LARGEST:
        raise UnusableArchive(
            f"{member.name} says that it has {member.size:,} bytes; at most {layout.LARGEST:,} are taken."
        )


def _match(part: str, data: bytes, batch: dict[str, tuple[int, str]]) -> None:
    """Check that the files before this shard are those that it describes. Raises UnusableArchive, which names the file."""
    described: dict[str, tuple[int, str]] = {}
    for record in layout.records(part, data):
        row = layout.to_recording(part, record)
        if layout.MISSING not in record:
            described[row.key] = row.size, row.sha256
    for key, found in batch.items():
        if key not in described:
            raise UnusableArchive(f"{key} is in it, and {part} does not say what it is.")
        if described[key] != found:
            raise UnusableArchive(_changed(key))
    if lost := described.keys() - batch.keys():
        raise UnusableArchive(f"{min(lost)} should be in it, and is not: {part} names it.")


def _manifest(data: bytes, digests: dict[str, str]) -> Json:
    """Return the manifest. Raises UnusableArchive if it is incomplete, or names other parts than those with `digests`."""
    found = layout.parsed(layout.MANIFEST, data)
    if not isinstance(found, dict) or found.get("format") != layout.FORMAT:
        raise UnusableArchive(f"Its {layout.MANIFEST} is not one of `storage backup`.")
    version = found.get("version")
    if not isinstance(version, int) or version > layout.VERSION:
        raise UnusableArchive(
            f"It has version {version!r} of the format, and this application knows {layout.VERSION}: update it first."
        )
    try:
        named = {str(each["name"]): str(each["sha256"]) for each in found["parts"]}
        if not all(isinstance(found["counts"][name], int) for name in COUNTED):
            raise TypeError("a count is not a number")
    except (KeyError, TypeError, AttributeError) as error:
        raise UnusableArchive(f"Its {layout.MANIFEST} is not complete: it was not made by `storage backup`.") from error
    for name in sorted(named.keys() | digests.keys()):
        if name not in digests:
            raise UnusableArchive(f"{name} should be in it, and is not.")
        if name not in named:
            raise UnusableArchive(f"{name} is in it, and {layout.MANIFEST} does not name it.")
        if not re.fullmatch(r"[0-9a-f]{64}", named[name]) or named[name] != digests[name]:
            raise UnusableArchive(_changed(name))
    return found


def _changed(name: str) -> str:
    return f"{name} is not what was written: its SHA-256 differs. Take another copy of the archive."


def _ends_early(last: str) -> str:
    where = f" after {last}" if last else ""
    return f"It is cut off or damaged{where}: its end, with {layout.MANIFEST}, is missing. Take another copy of the archive."
