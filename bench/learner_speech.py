"""Measure how well real learners are heard, on recordings that are not part of this project.

They are read from the folder that LEARNER_SPEECH names, else from `../shared/learner_speech`. Its `transcripts.json` gives for
each WAV file the `text` that was said, the `age_group` ("adult" or "child", if it is known) and the `speaker`.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.wer import word_errors, words
from engines.local import corrector
from tutor.transcripts import Transcript

ROOT = Path(__file__).resolve().parent.parent
# A turn with this rate of wrong words, or more, is misheard.
MISHEARD = 0.5
NO_CLIPS = "There are no recordings of real learners in {folder}: set LEARNER_SPEECH to a folder with transcripts.json."


@dataclass(frozen=True, slots=True)
class Clip:
    path: Path
    said: str
    # "work": the thresholds were chosen on these. "report": they were not.
    part: str
    age_group: str


@dataclass(frozen=True, slots=True)
class Heard:
    clip: Clip
    transcript: Transcript
    errors: int
    cpu_s: float

    @property
    def words(self) -> int:
        return len(words(self.clip.said))

    @property
    def is_asked_again(self) -> bool:
        return self.transcript.doubt is not None

    @property
    def is_misheard(self) -> bool:
        return self.errors >= MISHEARD * self.words

    def corrections_of_misheard_words(self) -> int:
        """Count the corrections of mistakes that are only in the transcript, not in what was said."""
        if self.is_asked_again:
            return 0
        found = [one for one in corrector.correct(self.transcript.text) if self.transcript.is_sure(one.start, one.end)]
        made = {(one.said.lower(), one.better.lower()) for one in found}
        return len(made - {(one.said.lower(), one.better.lower()) for one in corrector.correct(self.clip.said)})


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold counts over clips, and rates of wrong words from 0. A turn is doubted if the learner is asked again."""

    clips: int
    wer: float
    # Of the turns that are not doubted
    accepted_wer: float
    misheard: int
    misheard_doubted: int
    perfect: int
    perfect_doubted: int
    doubted: int
    # Corrections of words that were misheard
    miscorrected: int
    # CPU seconds for a clip
    cpu_s: float


def folder() -> Path:
    return Path(os.environ.get("LEARNER_SPEECH") or ROOT.parent / "shared" / "learner_speech")


def clips(where: Path) -> list[Clip]:
    """Return the recordings in a folder, none if it has no `transcripts.json`. The parts have no speaker in common."""
    listed = where / "transcripts.json"
    if not listed.is_file():
        return []
    return [
        Clip(where / name, one["text"], part_of(str(one.get("speaker", name))), one.get("age_group", ""))
        for name, one in json.loads(listed.read_text(encoding="utf-8")).items()
    ]


def part_of(speaker: str) -> str:
    return ("work", "report")[int(hashlib.sha256(speaker.encode()).hexdigest(), 16) % 2]


def heard(clip: Clip, transcribe: Callable[[Path], Transcript]) -> Heard:
    started = time.process_time()
    transcript = transcribe(clip.path)
    return Heard(clip, transcript, word_errors(clip.said, transcript.text), time.process_time() - started)


def figures(turns: Sequence[Heard]) -> Figures:
    accepted = [turn for turn in turns if not turn.is_asked_again]
    misheard, perfect = [turn for turn in turns if turn.is_misheard], [turn for turn in turns if not turn.errors]
    return Figures(
        clips=len(turns),
        wer=_rate(turns),
        accepted_wer=_rate(accepted),
        misheard=len(misheard),
        misheard_doubted=_doubted(misheard),
        perfect=len(perfect),
        perfect_doubted=_doubted(perfect),
        doubted=_doubted(turns),
        miscorrected=sum(turn.corrections_of_misheard_words() for turn in turns),
        cpu_s=round(sum(turn.cpu_s for turn in turns) / max(1, len(turns)), 3),
    )


def _doubted(turns: Iterable[Heard]) -> int:
    return sum(turn.is_asked_again for turn in turns)


def _rate(turns: Sequence[Heard]) -> float:
    return round(sum(turn.errors for turn in turns) / max(1, sum(turn.words for turn in turns)), 4)
