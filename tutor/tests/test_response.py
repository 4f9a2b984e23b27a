"""What of an answer was heard."""

from datetime import UTC, datetime

import pytest

from tutor.protocol import Event
from tutor.response import Response

SECOND = bytes(48_000)


@pytest.fixture
async def response() -> Response:
    """Two sentences of one second each."""
    sent: list[Event] = []

    async def send(said: Event) -> None:
        sent.append(said)

    response = Response("ai-1", datetime.now(UTC), None, send)
    await response.begin()
    for words in ("Ah, London is big.", "What did you like there?"):
        await response.words(words)
        await response.sound(SECOND)
    await response.end("completed")
    return response


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (2000, "Ah, London is big. What did you like there?"),
        (1000, "Ah, London is big."),
        (900, "Ah, London is big."),
        (600, "Ah, London"),
        (1500, "Ah, London is big. What did you"),
        (9000, "Ah, London is big. What did you like there?"),
    ],
)
async def test_only_words_that_were_heard_whole_are_kept(response: Response, heard_ms: int, words: str):
    assert response.truncate(heard_ms) == words


async def test_only_the_sound_that_was_heard_is_kept(response: Response):
    response.truncate(1500)
    assert len(response.pcm) == 72_000


async def test_words_that_have_no_sound_yet_were_not_heard(response: Response):
    await response.words("And where next?")
    assert response.truncate(9000) == "Ah, London is big. What did you like there?"


async def test_an_answer_that_is_cancelled_before_its_first_sound_has_no_words(response: Response):
    await response.words("And where next?")
    await response.end("cancelled")
    assert response.text == "Ah, London is big. What did you like there?"
