"""Decode and encode sound in separate threads, so that neither the event loop nor the database waits for it.

Uploads, which may take many seconds, and talks have separate threads. `core.admission` limits the jobs before they get
here, which keeps the queues short.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from core import machine

P = ParamSpec("P")
T = TypeVar("T")

COUNT = max(2, min(4, machine.cores() // 2))
_talks = ThreadPoolExecutor(COUNT, thread_name_prefix="sound")
_uploads = ThreadPoolExecutor(COUNT, thread_name_prefix="upload")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run short work for a talk."""
    return await asyncio.get_running_loop().run_in_executor(_talks, _call(function, *args, **kwargs))


async def while_wanted(function: Callable[[bytes, threading.Event], T], data: bytes) -> T:
    """Run work on an upload. `function` should stop when its event is set: then the caller was cancelled."""
    unwanted = threading.Event()
    call = _call(function, data, unwanted)
    try:
        return await asyncio.get_running_loop().run_in_executor(_uploads, call)
    except asyncio.CancelledError:
        unwanted.set()
        raise


async def for_upload(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work on an upload that cannot be interrupted."""
    return await asyncio.get_running_loop().run_in_executor(_uploads, _call(function, *args, **kwargs))


def wait_for(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work on an upload, and block the calling thread until it is done."""
    return _uploads.submit(_call(function, *args, **kwargs)).result()


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
    context = copy_context()
    return lambda: context.run(function, *args, **kwargs)
