"""The agent's own voice over loudspeakers begins no turn of the learner."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from audio.resampling import Samples, from_pcm16, to_pcm16
from engines.interface import Speech, Spoken, Words
from talk.echo import FIRST_MS, OTHER, WINDOW_MS, likeness
from talk.tests.test_live_talk import Begin
from talk.tests.test_live_talk import Line as Talk
from talk.tests.test_live_talk import line as line
from talk.tests.test_turn_taking import hands_free
from tests.scripted import SOUND, answer
from tests.sound import clip, spoken
from tests.talking import silence

RATE = 24_000
QUESTION = "Hello! Let's talk about your family. Who is in your family?"
AGENT = spoken(QUESTION)
LEARNERS = [clip(name) for name in ("learner_london", "learner_family", "learner_canada", "librivox_0930")]


def is_echo(heard: bytes, said: bytes) -> bool:
    return likeness(heard, said) >= 1


def echo_of(pcm: bytes, db: float, room: Samples | None = None) -> bytes:
    """Return the sound as a microphone hears it from loudspeakers, with its own noise."""
    sound = from_pcm16(pcm)
    if room is not None:
        sound = np.convolve(sound, room)[: len(sound)].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 8 / 32768, len(sound)).astype(np.float32)
    return to_pcm16(sound * np.float32(10 ** (db / 20)) + noise)


def a_room() -> Samples:
    """Return the response of a room of 0.2 s, with more direct sound than reverberation."""
    length = RATE // 5
    reverberation = np.random.default_rng(1).normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    response = 0.5 * reverberation / np.sqrt(np.sum(reverberation**2))
    response[0] += 1
    return response.astype(np.float32)


def windows(pcm: bytes, ms: int = WINDOW_MS) -> list[bytes]:
    """Return all of this length that are loud enough to be a voice at -40 dB."""
    size = ms * RATE // 1000 * 2
    parts = [pcm[start : start + size] for start in range(0, len(pcm) - size, size)]
    return [part for part in parts if np.sqrt(np.mean(from_pcm16(part) ** 2)) > 0.05]


@pytest.mark.parametrize("db", [0, -12, -26, -40])
def test_the_agents_voice_is_recognised_at_any_volume(db: float):
    found = [is_echo(echo_of(part, db), AGENT) for part in windows(AGENT)]
    assert len(found) >= 5
    assert all(found)


def test_the_agents_voice_is_recognised_in_a_room():
    found = [is_echo(part, AGENT) for part in windows(echo_of(AGENT, 0, a_room()))]
    assert all(found)


def test_an_echo_that_ends_early_is_recognised():
    burst = windows(AGENT)[2][: RATE * 2 // 5] + bytes(RATE * 2 // 10)
    assert is_echo(echo_of(burst, -12), AGENT)


def test_other_voices_are_no_echo():
    found = [is_echo(part, AGENT) for learner in LEARNERS for part in windows(learner)]
    assert len(found) >= 20
    assert not any(found)


def test_most_voices_are_distinguished_from_an_echo_at_once():
    others = [likeness(part, AGENT) < OTHER for learner in LEARNERS for part in windows(learner, FIRST_MS)]
    assert sum(others) >= 0.6 * len(others)
    assert not any(likeness(echo_of(part, -26), AGENT) < OTHER for part in windows(AGENT, FIRST_MS))


def test_the_noise_before_a_voice_is_not_taken_for_another_voice():
    noise = echo_of(bytes(RATE * 2 * WINDOW_MS // 1000), 0)
    assert likeness(noise[: FIRST_MS * 48], AGENT) >= OTHER
    assert likeness(noise, AGENT) >= 1


def test_a_voice_over_an_echo_is_no_echo():
    back = from_pcm16(echo_of(AGENT, -12))
    voice = from_pcm16(LEARNERS[0])[: len(back)]
    found = [is_echo(part, AGENT) for part in windows(to_pcm16(back[: len(voice)] + voice))]
    assert sum(found) <= len(found) // 4


def test_silence_is_no_echo():
    assert not is_echo(AGENT[:14_400], b"")
    assert not is_echo(AGENT[:14_400], bytes(96_000))


async def opened(line: Begin, *replies: list[Any]) -> Talk:
    """Begin a talk in which the agent is speaking."""
    talk = await hands_free(line, [Words(QUESTION), Speech(AGENT), Spoken()], *replies)
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    return talk


async def play(talk: Talk, pcm: bytes, *, late_ms: int = 120) -> None:
    """Send what the microphone hears, in real time. What a slow machine is late with is caught up on."""
    begins = time.monotonic() + late_ms / 1000
    for number, start in enumerate(range(0, len(pcm), 4800)):
        await asyncio.sleep(max(0.0, begins + number / 10 - time.monotonic()))
        await talk.append(pcm[start : start + 4800])
    await asyncio.sleep(0.1)


@pytest.mark.parametrize("db", [-12, -26, -40])
@pytest.mark.django_db(transaction=True, databases=["default", "local"])
async def test_the_agent_ignores_its_echo_and_then_hears_the_learner(line: Begin, db: float):
    talk = await opened(line, answer("I live with my parents.", "I see."))
    await play(talk, echo_of(AGENT, db))
    await talk.append(silence(2))
    assert talk.kinds("input_audio_buffer.speech_started") == []
    assert await talk.stored() == [("assistant", QUESTION, True)]
    await talk.append(LEARNERS[0] + silence(3))
    await talk.talk.settled()
    assert [text for _, text, _ in await talk.stored()] == [QUESTION, "I live with my parents.", "I see."]


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
async def test_a_learner_interrupts_an_agent_whose_voice_echoes(line: Begin):
    talk = await opened(line, answer("My brother went to London.", "I see."))
    back = from_pcm16(echo_of(AGENT, -26))
    voice = np.zeros(len(back), np.float32)
    learner = from_pcm16(LEARNERS[0])
    voice[RATE : RATE + len(learner)] = learner[: len(voice) - RATE]
    came: list[float] = []
    talk.watch = lambda event: (
        came.append(talk.talk.exchange.input_buffer.position_ms) if "speech_started" in event["type"] else None
    )
    await play(talk, to_pcm16(back + voice))
    assert len(came) == 1
    assert 1000 < came[0] <= 1700


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
async def test_the_learner_is_advised_once_to_use_headphones(line: Begin):
    short = spoken("Who is in your family?")
    asks = [Words("Who is in your family?"), Speech(short), Spoken()]
    talk = await hands_free(line, asks, asks, asks)
    told = []
    for _ in range(3):
        await talk.talk.receive({"type": "response.create"})
        await talk.talk.settled()
        await play(talk, echo_of(short + silence(0.4), -12))
        told.append(len(talk.kinds("talk.notice")))
    assert told == [0, 1, 1]
    assert talk.one("talk.notice")["code"] == "echo"
    assert talk.kinds("input_audio_buffer.speech_started") == []


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
async def test_a_transcribed_echo_is_no_turn(line: Begin):
    again = [Words(QUESTION), Speech(SOUND), Spoken()]
    talk = await opened(line, answer("let's talk about your", "All right."), again)
    await talk.append(LEARNERS[0] + silence(3))
    await talk.talk.settled()
    assert await talk.stored() == [("assistant", QUESTION, True)]
