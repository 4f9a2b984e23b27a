"""Measure how well the embedded engine hears: clips of `tests/speech`, and real learners where there are recordings of them.

    python bench/words.py [--quick] [--learners FOLDER] [--all]

For real learners (see `bench/learner_speech.py`) it prints how many turns are misheard (half of the words are wrong, or more),
how many of these are doubted, so that the learner is asked again, the word error rate of the others, and how many corrections
are made of words that were only misheard (none may be). It reports the half of
the speakers for whom no threshold was chosen, with --all the other half, too. Prints tables and one line of JSON. Exits 1 when
the rate of the clips is above 8 %, or a figure of the real learners misses its limit. Each clip's time is the best of three, with
--quick of one.
"""

import argparse
import json
import os
import sys
import threading
import time
import wave
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")

from audio.resampling import from_pcm16, resample, to_pcm16  # noqa: E402
from bench import learner_speech  # noqa: E402
from bench.wer import word_errors, words  # noqa: E402
from engines.interface import SAMPLE_RATE  # noqa: E402
from engines.local import transcriber  # noqa: E402
from engines.local.ears import Ears  # noqa: E402
from tutor.transcripts import Transcript  # noqa: E402

SPEECH = ROOT / "tests" / "speech"
MOST = 0.08
# Limits for real learners: the least share of misheard turns that are doubted, and the highest rate of wrong words in those
# that are not.
LEAST_CAUGHT, MOST_ACCEPTED = 0.7, 0.18


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="decode each clip once")
    parser.add_argument(
        "--all", action="store_true", help="report also the speakers for whom the thresholds were chosen"
    )
    parser.add_argument("--learners", type=Path, default=learner_speech.folder(), metavar="FOLDER")
    options = parser.parse_args()
    transcriber.load()
    clean, is_clean_good = clean_speech(1 if options.quick else 3)
    learners, are_learners_good = real_learners(options.learners, every=options.all)
    print(json.dumps({"bench": "words", **clean, "learners": learners}))
    return int(not (is_clean_good and are_learners_good))


def clean_speech(times: int) -> tuple[dict[str, object], bool]:
    """Return the figures of `tests/speech`, and whether they are good enough."""
    errors = count = 0
    clips = []
    print(f"{'clip':24}{'seconds':>8}{'decoding':>9}{'errors':>7}{'words':>6}  heard")
    for name, said in json.loads((SPEECH / "transcripts.json").read_text()).items():
        pcm = read_clip(SPEECH / name)
        decoding, heard = timed(pcm, times)
        wrong, all_words, seconds = word_errors(said, heard.text), len(words(said)), len(pcm) / 2 / SAMPLE_RATE
        print(f"{name:24}{seconds:8.1f}{decoding:9.3f}{wrong:7}{all_words:6}  {heard.text}")
        errors, count = errors + wrong, count + all_words
        clips.append(
            {"clip": name, "seconds": round(seconds, 2), "decoding": round(decoding, 3), "wer": wrong / all_words}
        )
    rate = errors / count
    return {"wer": round(rate, 4), "words": count, "errors": errors, "clips": clips}, rate <= MOST


def real_learners(folder: Path, *, every: bool) -> tuple[dict[str, object] | None, bool]:
    """Return the figures of real learners by group, and whether they are good enough. None if there are no recordings."""
    clips = learner_speech.clips(folder)
    if not clips:
        print(learner_speech.NO_CLIPS.format(folder=folder))
        return None, True
    wanted = clips if every else [clip for clip in clips if clip.part == "report"]
    turns = [learner_speech.heard(clip, transcribed) for clip in wanted]
    found = {}
    columns = ("clips", "WER", "misheard", "doubted", "perfect", "doubted", "all", "accepted", "miscorrected", "CPU")
    print(f"\n{'real learners':16}" + "".join(f"{column:>13}" for column in columns))
    for part in sorted({clip.part for clip in wanted}, reverse=True):
        for group in ("", *sorted({clip.age_group for clip in wanted} - {""})):
            group_turns = [turn for turn in turns if turn.clip.part == part and group in ("", turn.clip.age_group)]
            one = learner_speech.figures(group_turns)
            found[f"{part} {group}".strip()] = one
            shown = (one.clips, f"{one.wer:.1%}", one.misheard, one.misheard_doubted, one.perfect, one.perfect_doubted)
            cells = (*shown, one.doubted, f"{one.accepted_wer:.1%}", one.miscorrected, one.cpu_s)
            print(f"{part + ' ' + group:16}" + "".join(f"{cell:>13}" for cell in cells))
    report = found["report"]
    is_heard = report.misheard_doubted >= LEAST_CAUGHT * report.misheard and report.accepted_wer <= MOST_ACCEPTED
    is_good = is_heard and not any(one.miscorrected for one in found.values())
    return {name: asdict(one) for name, one in found.items()}, is_good


def read_clip(path: Path) -> bytes:
    """Read a 16-bit mono WAV file of any rate as PCM16 24 kHz."""
    with wave.open(str(path)) as clip:
        return to_pcm16(resample(from_pcm16(clip.readframes(clip.getnframes())), clip.getframerate(), SAMPLE_RATE))


def transcribed(path: Path, ears: Ears | None = None) -> Transcript:
    return transcriber.TurnTranscription(ears).transcribe(read_clip(path), threading.Event())


def timed(pcm: bytes, times: int) -> tuple[float, Transcript]:
    """Return the seconds of the shortest decoding of several, and the transcript."""
    best, heard = float("inf"), Transcript("")
    for _ in range(times):
        start = time.perf_counter()
        heard = transcriber.TurnTranscription().transcribe(pcm, threading.Event())
        best = min(best, time.perf_counter() - start)
    return best, heard


if __name__ == "__main__":
    sys.exit(main())
