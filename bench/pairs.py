"""Measure which minimal pairs the recogniser tells apart: `practice/minimal_pairs.toml` lists those that can be said.

    python bench/pairs.py [--quick] [--all]

Each word of a pair that can be said (--all: of every pair) is spoken by the embedded voice at four paces, twice each, and, if the
program `flite` is installed, by three more voices at three paces. --quick: by the embedded voice, at two paces, once. It prints
for each pair how many recordings were certain, and how many of these were taken for the other word, without those of the voice
that is kept aside. The last line is JSON. Exits 1 if a pair that can be said misses the limits.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")

from audio.resampling import from_pcm16, resample, to_pcm16
from engines import forced_choice
from engines.interface import SAMPLE_RATE
from engines.local import speaker
from practice import minimal_pairs

PACES, TIMES, QUICK_PACES = (1.0, 0.75, 0.55, 1.2), 2, (1.0, 0.75)
# Voices of flite, made from recordings of American speakers, and of a Scottish one.
VOICES, STRETCHES = ("slt", "rms", "awb"), (1.0, 1.3, 0.9)
# Of the recordings in the voices that chose the pairs. `awb` was kept aside: it is reported, and has no limit.
LEAST_CERTAIN, MOST_WRONG = 0.6, 0.05
ASIDE = "awb"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two paces of the embedded voice, once each")
    parser.add_argument("--all", action="store_true", help="measure also the pairs that can only be heard")
    options = parser.parse_args()
    total, missed = Counter[str](), list[str]()
    print(f"{'pair':20}{'said':>5}{'of':>7} {'certain':>7} {'wrong':>7}")
    for contrast in minimal_pairs.load().values():
        for pair in contrast.pairs:
            if not (pair.can_be_said or options.all):
                continue
            found = _measured(pair.words, options.quick)
            figures = " ".join(f"{found[name]:7}" for name in ("count", "certain", "wrong"))
            print(f"{pair.id:20}{'yes' if pair.can_be_said else 'no':>5}{figures}", flush=True)
            if not pair.can_be_said:
                continue
            total.update(found)
            if found["certain"] < LEAST_CERTAIN * found["count"] or found["wrong"] > MOST_WRONG * found["count"]:
                missed.append(pair.id)
    print(json.dumps({"bench": "pairs", **total, "missed": missed}))
    return int(bool(missed))


def _measured(words: tuple[str, str], quick: bool) -> Counter[str]:
    found = Counter[str]()
    for word in words:
        for voice, pcm in _recordings(word, quick):
            choice, aside = forced_choice.choose(pcm, words), "aside " if voice == ASIDE else ""
            found[f"{aside}count"] += 1
            found[f"{aside}certain"] += choice.is_sure
            found[f"{aside}wrong"] += choice.is_sure and choice.word != word
    return found


def _recordings(word: str, quick: bool) -> Iterator[tuple[str, bytes]]:
    for pace in QUICK_PACES if quick else PACES:
        # The voice says no word twice in the same way.
        for _ in range(1 if quick else TIMES):
            yield "embedded", b"".join(speaker.speak(f"{word}.", pace))
    if not quick and shutil.which("flite"):
        for voice in VOICES:
            for stretch in STRETCHES:
                yield voice, _by_flite(word, voice, stretch)


def _by_flite(word: str, voice: str, stretch: float) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        options = ["-voice", voice, "--setf", f"duration_stretch={stretch}", "-t", f"{word}.", "-o", file.name]
        subprocess.run(["flite", *options], check=True)
        with wave.open(file.name) as recording:
            samples = from_pcm16(recording.readframes(recording.getnframes()))
            return to_pcm16(resample(samples, recording.getframerate(), SAMPLE_RATE))


if __name__ == "__main__":
    sys.exit(main())
