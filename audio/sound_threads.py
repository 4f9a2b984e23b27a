"""Decode and encode sound in separate threads, so that neither the event loop nor the database waits for it.

Uploads, which may take many seconds, and talks have separate threads. `core.admission` limits the jobs before they get
here, which keeps the queues short.
"""

import asyncio
import threading

from audio import encoding
from core import machine
from core.threads import Threads

COUNT = max(2, min(4, machine.cores() // 2))

# For short work of a talk.
in_thread = Threads(COUNT, "sound")
# For work on an upload that cannot be interrupted.
for_upload = Threads(COUNT, "upload")


async def to_pcm(upload: bytes) -> bytes:
    """Decode an uploaded file to PCM. Stop when the caller is cancelled. Raises BadAudio."""
    unwanted = threading.Event()
    try:
        return await for_upload(encoding.to_pcm, upload, unwanted)
    except asyncio.CancelledError:
        unwanted.set()
        raise


def from_upload(upload: bytes) -> encoding.Clip:
    """Check an uploaded file and return it for keeping. Block the calling thread until that is done. Raises BadAudio."""
    return for_upload.pool.submit(encoding.from_upload, upload).result()
