"""Background work is repeated at its own pace, and a failure ends nothing."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync

from own_data import data_worker


def test_each_work_is_repeated_also_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    often, once = 0, 0
    done = threading.Event()

    def fail() -> None:
        nonlocal often
        often += 1
        if often == 5:
            done.set()
        raise OSError("the disk is full")

    def count() -> None:
        nonlocal once
        once += 1

    monkeypatch.setattr(data_worker, "SECOND", 0.01)
    monkeypatch.setattr(data_worker, "WORK", ((fail, 0.01), (count, 3600.0)))

    async def work() -> None:
        worker = asyncio.create_task(data_worker.run())
        assert await asyncio.to_thread(done.wait, 10)
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker

    async_to_sync(work)()
    assert often >= 5
    assert once == 1
    assert "Work on the data of learners failed" in caplog.text
