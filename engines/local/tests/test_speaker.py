import numpy as np
import pytest

from audio.resampling import Resampler, from_pcm16, resample
from engines.local import speaker
from engines.local.speaker import pieces, pronounceable, speak
from engines.local.tests.test_transcriber import heard
from tests.sound import loudness, seconds, spoken
from tutor.domain import EngineError

LONG = "I would like to know more about it, because I have never been to Brazil in the winter."


def test_a_sentence_is_audible():
    assert loudness(spoken("Hello, how are you today?")) > 0.02


def test_speech_is_transcribed_correctly():
    assert heard(spoken("My brother has gone to London.")) == "My brother has gone to London."


@pytest.mark.parametrize(("speed", "low", "high"), [(0.6, 1.35, 2.0), (1.2, 0.7, 0.97), (5.0, 0.7, 0.97)])
def test_speed(speed: float, low: float, high: float):
    text = "What did you like about the city? And what did you do there in the evening, when it was dark?"
    assert low <= seconds(b"".join(speak(text, speed))) / seconds(spoken(text)) <= high


def test_a_long_sentence_begins_with_its_first_clause():
    assert pieces(LONG) == ["I would like to know more about it,", "because I have never been to Brazil in the winter."]


def test_a_short_sentence_is_one_piece():
    assert pieces("That sounds nice, really.") == ["That sounds nice, really."]


def test_pieces_have_a_maximum_length():
    assert max(map(len, pieces("word " * 500))) <= 260


def test_little_silence_surrounds_the_speech():
    samples = np.abs(from_pcm16(spoken("Good morning.")))
    loud = np.flatnonzero(samples > 0.02)
    assert loud[0] / 24_000 < 0.1
    assert 0.1 < (len(samples) - loud[-1]) / 24_000 < 0.4


@pytest.mark.parametrize("text", ["", "   ", "...", "—", "🎉🎉", "***", "\0"])
def test_unpronounceable_text_gives_no_audio(text: str):
    assert spoken(text) == b""


@pytest.mark.parametrize(
    "text", ["[[ xx ]] okay", "日本語", "\ud800 hey", "\0Hello\x1b", "1234567890" * 20, "a" * 3000]
)
def test_unusual_text_raises_no_error(text: str):
    spoken(text)


def test_markup_is_not_spoken():
    assert pronounceable("**Well** done 🎉, `Ana`") == "Well done , Ana"


def test_a_missing_voice_is_reported_with_its_setting(settings, monkeypatch):
    settings.PIPER_VOICE = "/no/such/voice.onnx"
    monkeypatch.setattr(speaker, "_voice", speaker._voice.__wrapped__)
    with pytest.raises(EngineError, match="PIPER_VOICE"):
        speaker.load()


@pytest.mark.parametrize(("source", "target"), [(22_050, 24_000), (24_000, 16_000), (16_000, 24_000)])
def test_resampling_in_pieces_leaves_no_clicks(source: int, target: int):
    tone = np.sin(2 * np.pi * 1000 * np.arange(source) / source).astype(np.float32)
    resampler, rng, parts, start = Resampler(source, target), np.random.default_rng(0), [], 0
    while start < len(tone):
        size = int(rng.integers(1, 900))
        parts.append(resampler.feed(tone[start : start + size]))
        start += size
    parts.append(resampler.flush())
    assert np.abs(np.concatenate(parts) - resample(tone, source, target)).max() < 1e-5


def test_resampling_keeps_the_tone():
    tone = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050).astype(np.float32)
    ideal = np.sin(2 * np.pi * 1000 * np.arange(24_000) / 24_000)
    assert np.abs(resample(tone, 22_050, 24_000)[:24_000] - ideal)[200:-200].max() < 0.001


def test_downsampling_has_no_aliasing():
    tone = np.sin(2 * np.pi * 9_500 * np.arange(24_000) / 24_000).astype(np.float32)
    assert np.abs(resample(tone, 24_000, 16_000))[200:-200].max() < 0.001


def test_abbreviations_and_sums_are_spoken_as_one_sentence():
    assert heard(spoken("Dr. Brown paid $12.50.")).casefold().strip(".") in (
        "dr. brown paid $12.50",
        "doctor brown paid twelve dollars and fifty cents",
        "dr. brown paid twelve dollars and fifty cents",
    )
