"""An interruption cuts the answer to the part that was heard."""

from datetime import UTC, datetime

import pytest

from talk.items import Items
from talk.outgoing import Outgoing
from talk.protocol import Event
from talk.reply_events import Output, ReplyEvents

SECOND = bytes(48_000)


@pytest.fixture
async def response() -> ReplyEvents:
    """Return a response of two sentences, one second each."""
    sent: list[Event] = []

    async def send(said: Event) -> None:
        sent.append(said)

    response = ReplyEvents("ai-1", datetime.now(UTC), None, Outgoing(send, Items()), Output())
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
async def test_only_completely_heard_words_are_kept(response: ReplyEvents, heard_ms: int, words: str):
    assert response.truncate(heard_ms) == words


async def test_only_the_sound_that_was_heard_is_kept(response: ReplyEvents):
    response.truncate(1500)
    assert len(response.pcm) == 72_000


async def test_words_that_have_no_sound_yet_were_not_heard(response: ReplyEvents):
    await response.words("And where next?")
    assert response.truncate(9000) == "Ah, London is big. What did you like there?"


async def test_an_answer_that_is_cancelled_before_its_first_sound_has_no_words(response: ReplyEvents):
    await response.words("And where next?")
    await response.end("cancelled")
    assert response.text == "Ah, London is big. What did you like there?"
