"""Remove ID3 tags before ffmpeg reads them: their frames may be compressed, and unpack to a thousand times their size."""

import re

HEAD = 10  # bytes
# Tags within a file, as in a chunk of AIFF or between two frames of AAC. Anything else with these bytes is sound, whose change of
# one bit cannot be heard.
INSIDE = re.compile(rb"ID3(?=[\x02-\x04])")


def removed(data: bytes) -> bytes:
    """Return the file without the tags at its beginning, and with those inside made unreadable."""
    at = 0
    while INSIDE.match(data, at) and len(data) >= at + HEAD:
        size = 0
        for each in data[at + 6 : at + HEAD]:
            size = size << 7 | each & 0x7F
        at += HEAD + size
    return INSIDE.sub(b"ID0", data[at:]) if INSIDE.search(data) else data
