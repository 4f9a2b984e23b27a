import random

import pytest

from engines import vad
from engines.vad import (
    ENDPOINTING_DELAY_MS,
    ListenerEvent,
    ShortPause,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
    VoiceActivityDetector,
)
from tests.sound import clicks, clip, hum, silence, white_noise
from tutor.scenario import LEVELS

# 2.2 s. The voice begins within 0.1 s.
LONDON = clip("learner_london")
CHUNK = 2 * 480  # 20 ms


def listen(listener: VoiceActivityDetector, pcm: bytes, chunk: int = CHUNK) -> list[ListenerEvent]:
    return [event for start in range(0, len(pcm), chunk) for event in listener.feed(pcm[start : start + chunk])]


def test_a_sentence_and_its_pause_are_a_turn():
    events = listen(VoiceActivityDetector(1200), silence(0.5) + LONDON + silence(2))
    assert [type(event) for event in events] == [SpeechStarted, ShortPause, TurnEnded]


def test_speech_is_noticed_within_200_ms():
    listener = VoiceActivityDetector()
    pcm = silence(0.5) + LONDON
    fed = next(end for end in range(CHUNK, len(pcm), CHUNK) if listener.feed(pcm[end - CHUNK : end]))
    # The voice in this clip starts after 76 ms.
    assert fed / 48 <= 576 + 200


def test_speech_started_names_where_the_voice_began():
    (started,) = listen(VoiceActivityDetector(), silence(0.5) + LONDON)[:1]
    assert started.at_ms == pytest.approx(576, abs=64)


def test_short_pause_comes_300_ms_after_the_voice():
    pause = next(
        event for event in listen(VoiceActivityDetector(), LONDON + silence(1)) if isinstance(event, ShortPause)
    )
    assert 2217 + 100 <= pause.at_ms <= 2217 + 400


@pytest.mark.parametrize("pause_ms", [800, 1200, 1800])
def test_the_turn_ends_when_the_pause_is_over(pause_ms: int):
    events = listen(VoiceActivityDetector(pause_ms), LONDON + silence(3))
    short, ended = events[-2:]
    assert ended.at_ms - short.at_ms == pytest.approx(pause_ms - 300, abs=64)


def test_speech_after_a_short_pause_resumes_the_turn():
    events = listen(VoiceActivityDetector(1200), LONDON + silence(0.8) + LONDON + silence(2))
    assert [type(event) for event in events] == [SpeechStarted, ShortPause, SpeechResumed, ShortPause, TurnEnded]


def test_speech_after_the_turn_ended_starts_another():
    events = listen(VoiceActivityDetector(1200), LONDON + silence(1.5) + LONDON + silence(1.5))
    assert [type(event) for event in events] == [SpeechStarted, ShortPause, TurnEnded] * 2


def test_hold_keeps_the_turn_open():
    listener = VoiceActivityDetector(1200)
    listener.hold = True
    assert not any(isinstance(event, TurnEnded) for event in listen(listener, LONDON + silence(5)))


def test_the_turn_ends_after_the_hold():
    listener = VoiceActivityDetector(1200)
    listener.hold = True
    listen(listener, LONDON + silence(5))
    listener.hold = False
    assert [type(event) for event in listener.feed(silence(0.1))] == [TurnEnded]


def test_without_a_pause_a_turn_never_ends():
    assert not any(isinstance(event, TurnEnded) for event in listen(VoiceActivityDetector(None), LONDON + silence(8)))


def test_time_continues_after_a_reset():
    listener = VoiceActivityDetector(1200)
    listen(listener, LONDON + silence(2))
    listener.reset()
    (started,) = listen(listener, LONDON)[:1]
    assert started.at_ms == pytest.approx(4217, abs=150)


def test_had_speech_is_about_the_current_turn():
    listener = VoiceActivityDetector()
    listen(listener, LONDON)
    assert listener.had_speech
    listener.reset()
    listen(listener, silence(1))
    assert not listener.had_speech


@pytest.mark.parametrize("pcm", [silence(3), white_noise(3), white_noise(3, 0.3), hum(3), clicks(3)])
def test_noise_starts_no_turn(pcm: bytes):
    listener = VoiceActivityDetector(1200)
    assert listen(listener, pcm) == []
    assert not listener.had_speech


def test_chunks_of_any_size_give_the_same():
    pcm = silence(0.5) + LONDON + silence(2)
    whole = VoiceActivityDetector(1200).feed(pcm)
    listener, rng, events, start = VoiceActivityDetector(1200), random.Random(0), [], 0
    while start < len(pcm):
        # Odd sizes, too, which end with half a sample.
        size = rng.randint(1, 5000)
        events += listener.feed(pcm[start : start + size])
        start += size
    assert events == whole


def test_every_level_has_its_pause_and_beginners_the_longest():
    assert tuple(ENDPOINTING_DELAY_MS) == LEVELS
    assert list(ENDPOINTING_DELAY_MS.values()) == sorted(ENDPOINTING_DELAY_MS.values(), reverse=True)


def test_silence_around_the_voice_is_cut_off():
    pcm = silence(2) + LONDON + silence(3)
    voiced = vad.voice_in(pcm)
    assert voiced
    assert abs(len(voiced.cut(pcm)) - len(LONDON)) / 48_000 < 0.5


def test_audio_without_a_voice_has_none():
    assert vad.voice_in(silence(1)) is None


@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.5])
def test_a_pause_is_measured_and_is_no_speech(seconds: float):
    once, twice = vad.voice_in(LONDON), vad.voice_in(LONDON + silence(seconds) + LONDON)
    assert once
    assert twice
    assert len(twice.pauses_ms) == 2 * len(once.pauses_ms) + 1
    # The clip has some silence at both ends.
    assert max(twice.pauses_ms) == pytest.approx(seconds * 1000, abs=250)
    assert twice.speech_ms == pytest.approx(2 * once.speech_ms, abs=150)


def test_a_silence_within_a_word_is_no_pause():
    voiced = vad.voice_in(LONDON + silence(0.06) + LONDON)
    assert voiced
    assert all(pause >= vad.SILENT_PAUSE_MS for pause in voiced.pauses_ms)


def test_a_voice_is_audible_and_a_quiet_room_is_not():
    assert vad.is_audible(clip("learner_london"))
    assert not vad.is_audible(silence(2))
    assert not vad.is_audible(b"\x40\x00" * 24_000)
