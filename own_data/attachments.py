"""Send files to download."""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CHUNK = 256 * 1024  # bytes


def headers(file_name: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Disposition": content_disposition_header(True, file_name) or "attachment",
    }


def of_file(file: BinaryIO, size: int, file_name: str, media_type: str) -> StreamingHttpResponse:
    """Return a response that reads the open file piece by piece, in a thread, and closes it."""
    named = {**headers(file_name), "Content-Length": str(size)}
    response = StreamingHttpResponse(_chunks(file), content_type=media_type, headers=named)
    # It closes the file also if it is never sent.
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    return response


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while data := await asyncio.to_thread(file.read, CHUNK):
        yield data
