"""Measure the embedded engine's word error rate over the clips of `tests/speech`. Print a table and one line of JSON.

    python bench/words.py [--quick]

Exits 1 when the rate over all words is above 8 %. Each clip's time is the best of three, with --quick of one.
"""

import argparse
import json
import os
import sys
import threading
import time
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")

from audio.resampling import from_pcm16, resample, to_pcm16  # noqa: E402
from bench.wer import word_errors, words  # noqa: E402
from engines.interface import SAMPLE_RATE  # noqa: E402
from engines.local import transcriber  # noqa: E402

SPEECH = ROOT / "tests" / "speech"
MOST = 0.08


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    times = 1 if parser.parse_args().quick else 3
    transcriber.load()
    errors = count = 0
    clips = []
    print(f"{'clip':24}{'seconds':>8}{'decoding':>9}{'errors':>7}{'words':>6}  heard")
    for name, said in json.loads((SPEECH / "transcripts.json").read_text()).items():
        pcm = read_clip(SPEECH / name)
        decoding, heard = timed(pcm, times)
        wrong, all_words, seconds = word_errors(said, heard), len(words(said)), len(pcm) / 2 / SAMPLE_RATE
        print(f"{name:24}{seconds:8.1f}{decoding:9.3f}{wrong:7}{all_words:6}  {heard}")
        errors, count = errors + wrong, count + all_words
        clips.append(
            {"clip": name, "seconds": round(seconds, 2), "decoding": round(decoding, 3), "wer": wrong / all_words}
        )
    rate = errors / count
    print(json.dumps({"bench": "words", "wer": round(rate, 4), "words": count, "errors": errors, "clips": clips}))
    return int(rate > MOST)


def read_clip(path: Path) -> bytes:
    """Read a 16-bit mono WAV file of any rate as PCM16 24 kHz."""
    with wave.open(str(path)) as clip:
        return to_pcm16(resample(from_pcm16(clip.readframes(clip.getnframes())), clip.getframerate(), SAMPLE_RATE))


def timed(pcm: bytes, times: int) -> tuple[float, str]:
    """Return the seconds of the shortest decoding of several, and the transcript."""
    best, heard = float("inf"), ""
    for _ in range(times):
        start = time.perf_counter()
        heard = transcriber.TurnTranscription().transcribe(pcm, threading.Event()).text
        best = min(best, time.perf_counter() - start)
    return best, heard


if __name__ == "__main__":
    sys.exit(main())
