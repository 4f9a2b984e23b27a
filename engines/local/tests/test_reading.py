"""The embedded engine has one voice, which speaks the most urgent text first."""

import asyncio
from collections.abc import Iterator

import pytest

from engines.interface import SAMPLE_RATE, is_live
from engines.local import speaker
from engines.local.synthesis import Reading

# Ten seconds.
LONG = bytes(20 * SAMPLE_RATE)


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the pieces in the order in which they were synthesised."""
    order: list[str] = []

    def speak(text: str, speed: float) -> Iterator[bytes]:
        for piece in text.split():
            order.append(piece)
            yield LONG

    monkeypatch.setattr(speaker, "speak", speak)
    return order


async def read(text: str, *, live: bool = True) -> None:
    is_live.set(live)
    async for _ in Reading(1.0).read(text):
        pass


async def test_a_first_piece_comes_before_later_audio_of_others(spoken: list[str]):
    await asyncio.gather(read("a1 a2 a3"), read("b1 b2 b3"), read("c1"))
    assert set(spoken[:3]) == {"a1", "b1", "c1"}


async def test_a_client_that_waits_for_the_complete_reply_comes_before_later_audio_of_others(spoken: list[str]):
    await asyncio.gather(read("a1 a2 a3 a4"), read("b1 b2 b3 b4"), read("w1 w2 w3", live=False))
    assert set(spoken[:5]) == {"a1", "b1", "w1", "w2", "w3"}


async def test_a_cancelled_reply_releases_the_voice(spoken: list[str]):
    given_up = [asyncio.create_task(read("a1 a2 a3 a4 a5 a6")) for _ in range(3)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    await asyncio.wait(given_up)
    await asyncio.wait_for(read("b1 b2"), 30)
    assert spoken[-2:] == ["b1", "b2"]
