"""Bound the memory that the tables of an MP4 or QuickTime file need.

ffmpeg keeps an entry for every sample that the tables promise, before it reads any sound. So a file of 600 bytes could take 4 GB.
"""

import re
import struct
from collections.abc import Iterator

# Entries, of 24 bytes each. Ten minutes of Opus in its shortest frames have 240,000.
MOST_ENTRIES = 1_000_000
# Boxes and tables. Ten minutes in fragments of 20 ms have 90,000.
MOST_PARTS = 200_000
# ffmpeg joins this many samples of PCM to one entry.
JOINED = 1024
# A box begins with its size and kind. A size of 0 reaches to the end of the file, and after 1 the size follows in 8 bytes.
TABLES = re.compile(rb"st(?:sz|z2|ts|sc|co)|co64|trun|cmov")
# The position of the number of entries, in bytes after the kind.
COUNT_AT = {b"stsz": 8, b"stz2": 8}


def is_bomb(data: bytes) -> bool:
    """Return whether this is such a file with more than MOST_ENTRIES samples, or one whose tables are compressed."""
    if b"moov" not in data and b"moof" not in data:
        return False
    samples = per_chunk = chunks = parts = read = 0
    is_pcm = True
    for part in _without_sound(data):
        parts += 1
        for found in TABLES.finditer(part):
            parts += 1
            # Tables that overlap would be read again and again.
            if parts > MOST_PARTS or read > len(data):
                return True
            kind, at = found[0], found.end()
            count = _number(part, at + COUNT_AT.get(kind, 4))
            match kind:
                case b"cmov":
                    return True
                case b"stsz" | b"stz2" | b"trun":
                    # A run of fragments is never joined.
                    samples += count
                    is_pcm &= kind != b"trun"
                case b"stts":
                    is_pcm &= (count, _number(part, at + 12)) == (1, 1)
                case b"stsc":
                    rows = part[at + 8 : at + 8 + 12 * count]
                    read += len(rows)
                    numbers = struct.iter_unpack(">III", rows[: len(rows) // 12 * 12])
                    per_chunk = max([per_chunk, *(each for _, each, _ in numbers)])
                case b"stco" | b"co64":
                    chunks += count
    entries = chunks * -(-per_chunk // JOINED) if is_pcm else samples
    return entries > MOST_ENTRIES


def _number(part: bytes, at: int) -> int:
    return int.from_bytes(part[at : at + 4])


def _without_sound(data: bytes) -> Iterator[bytes]:
    """Yield the boxes of the file, except those with its sound. What cannot be followed is one box."""
    at = boxes = 0
    while at < len(data):
        boxes += 1
        if boxes > MOST_PARTS:
            yield data[at:]
            return
        size, head = _number(data, at), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if size < head:
            size = len(data) - at
        if data[at + 4 : at + 8] != b"mdat":
            yield data[at : at + size]
        at += size
