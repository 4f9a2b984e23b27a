"""Provide PCM16 24 kHz audio for tests: recorded, synthesised, and audio that is not speech."""

import re
import wave
from pathlib import Path

import numpy as np

from audio.resampling import Samples, from_pcm16, resample, to_pcm16
from engines.local import speaker

SPEECH = Path(__file__).parent / "speech"
RATE = 24_000
# The words of "learner_family" as Whisper transcribes them. Whether they contain the s depends on the processor: 8-bit arithmetic
# is less exact on AMD's than on Intel's.
FAMILY = re.compile(r"She have a big family and they lives? in Brazil\.")


def clip(name: str) -> bytes:
    with wave.open(str(SPEECH / f"{name}.wav")) as recording:
        samples = from_pcm16(recording.readframes(recording.getnframes()))
        return to_pcm16(resample(samples, recording.getframerate(), RATE))


def spoken(text: str) -> bytes:
    return b"".join(speaker.speak(text))


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))


def white_noise(seconds: float, level: float = 0.1) -> bytes:
    return to_pcm16(np.random.default_rng(0).normal(0, level, int(seconds * RATE)).astype(np.float32))


def hum(seconds: float) -> bytes:
    return to_pcm16((0.3 * np.sin(2 * np.pi * 50 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32))


def clicks(seconds: float) -> bytes:
    """Return the sound of a keyboard: a burst of 12 ms every 200 ms."""
    samples: Samples = np.zeros(int(seconds * RATE), np.float32)
    rng = np.random.default_rng(0)
    length = RATE * 12 // 1000
    for start in range(RATE // 10, len(samples) - length, RATE // 5):
        samples[start : start + length] = 0.8 * rng.normal(size=length) * np.exp(-np.arange(length) / 60)
    return to_pcm16(samples)


def mixed(one: bytes, other: bytes) -> bytes:
    first, second = from_pcm16(one), from_pcm16(other)
    length = max(len(first), len(second))
    return to_pcm16(np.pad(first, (0, length - len(first))) + np.pad(second, (0, length - len(second))))


def loudness(pcm: bytes) -> float:
    """Return the root mean square, relative to full scale."""
    return float(np.sqrt(np.mean(from_pcm16(pcm) ** 2))) if pcm else 0.0


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE
