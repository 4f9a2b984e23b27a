"""Measure the embedded engine's corrections on sentences of learners, without a model or a voice.

    python bench/corrections.py [--cases FOLDER] [--show]

Prints a table by category, then one line of JSON. FOLDER has `mistakes.tsv` and `correct.tsv`, with the columns `id`,
`level`, `category`, `sentence` and `acceptable` (the right forms, separated by " || "); without it, those of
`correction_cases/`. `correction_cases/more` has 25 mistakes of each category, and 629 right sentences. Each category
is split in halves by a hash of the sentence. Rules may be written for the part `work`. `report` is only for reporting:
no rule is written because of it. --show prints what is missed or wrong in `work`.

- found: a correction on a sentence with a mistake.
- exact: the sentence with its corrections is one of the acceptable forms.
- false alarm: a right sentence is changed into one that is not acceptable.
- wrong model: the agent offers words as right that are not a piece of an acceptable form.

Words are compared without case, punctuation, hesitations and contractions. Exits 1 when `report` misses a target.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")

from engines.local import corrector, normalizing, recast  # noqa: E402
from tutor.domain import Correction  # noqa: E402

CASES = Path(__file__).parent / "correction_cases"
FEWEST_FOUND, FEWEST_EXACT, FEWEST_IN_A_CATEGORY, MOST_FALSE_ALARMS = 0.60, 0.55, 0.35, 0.01
_HESITATIONS = frozenset({"um", "uh", "er", "erm", "hmm"})
# An elicitation quotes the learner's own words, which are no model.
_MODEL = re.compile(r'"(.+)"')


@dataclass(frozen=True, slots=True)
class Case:
    category: str
    sentence: str
    acceptable: tuple[str, ...]


@dataclass(slots=True)
class Counts:
    """Hold the figures of the sentences of one category."""

    sentences: int = 0
    found: int = 0
    exact: int = 0
    wrong_models: int = 0


@dataclass(slots=True)
class Figures:
    mistakes: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    correct: Counts = field(default_factory=Counts)
    false_alarms: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        total = sum(one.sentences for one in self.mistakes.values())
        worst = min(self.mistakes.values(), key=lambda one: one.found / one.sentences)
        return {
            "sentences": total,
            "found": round(sum(one.found for one in self.mistakes.values()) / total, 3),
            "exact": round(sum(one.exact for one in self.mistakes.values()) / total, 3),
            "worst_category": round(worst.found / worst.sentences, 3),
            "right_sentences": self.correct.sentences,
            "false_alarms": self.false_alarms,
            "wrong_models": self.correct.wrong_models + sum(one.wrong_models for one in self.mistakes.values()),
            "median_ms": round(statistics.median(self.milliseconds), 1),
            "p95_ms": round(sorted(self.milliseconds)[int(len(self.milliseconds) * 0.95)], 1),
            "categories": {name: [one.found, one.exact, one.sentences] for name, one in self.mistakes.items()},
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    corrector.load()
    figures: dict[str, Any] = {"bench": "corrections"}
    for part in ("work", "report"):
        measured = measure(arguments.cases, part, show=arguments.show and part == "work")
        figures[part] = measured.as_json()
        print_table(part, measured)
    print(json.dumps(figures))
    return int(bool(missed_targets(figures["report"])))


def missed_targets(figures: dict[str, Any]) -> list[str]:
    """Return the names of the figures that miss their target."""
    meets = {
        "found": figures["found"] >= FEWEST_FOUND,
        "exact": figures["exact"] >= FEWEST_EXACT,
        "worst_category": figures["worst_category"] >= FEWEST_IN_A_CATEGORY,
        "false_alarms": figures["false_alarms"] <= MOST_FALSE_ALARMS * figures["right_sentences"],
        "wrong_models": figures["wrong_models"] == 0,
    }
    return [name for name, is_met in meets.items() if not is_met]


def measure(folder: Path, part: str, *, show: bool = False) -> Figures:
    """Return the figures of one part, "work" or "report", of the sentences in a folder."""
    figures = Figures()
    for case in read_part(folder / "mistakes.tsv", part):
        counts, found = figures.mistakes[case.category], corrected(case, figures)
        is_exact = is_acceptable(case, found)
        models = wrong_models(case, found)
        counts.sentences += 1
        counts.found += bool(found)
        counts.exact += is_exact
        counts.wrong_models += bool(models)
        if show and (not is_exact or models):
            print(
                f"{case.category}: {case.sentence}\n    -> {put_right(case.sentence, found) if found else '-'}", *models
            )
    for case in read_part(folder / "correct.tsv", part):
        found = corrected(case, figures)
        is_false_alarm = not is_acceptable(case, found)
        figures.correct.sentences += 1
        figures.correct.wrong_models += bool(wrong_models(case, found))
        figures.false_alarms += is_false_alarm
        if show and is_false_alarm:
            print(f"FALSE ALARM: {case.sentence}\n    -> {put_right(case.sentence, found)}")
    return figures


def read_part(path: Path, part: str) -> list[Case]:
    """Return one part of a file: of each category, every second sentence in the order of their hashes."""
    by_category: dict[str, list[Case]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            case = Case(row["category"], row["sentence"], tuple(row["acceptable"].split(" || ")))
            by_category[case.category].append(case)
    chosen = []
    for cases in by_category.values():
        ordered = sorted(cases, key=lambda case: hashlib.sha256(case.sentence.encode()).hexdigest())
        chosen += ordered[0 if part == "work" else 1 :: 2]
    return chosen


def corrected(case: Case, figures: Figures) -> tuple[Correction, ...]:
    start = time.perf_counter()
    found = corrector.correct(case.sentence)
    figures.milliseconds.append((time.perf_counter() - start) * 1000)
    return found


def is_acceptable(case: Case, found: Sequence[Correction]) -> bool:
    return words(put_right(case.sentence, found)) in [words(form) for form in case.acceptable]


def wrong_models(case: Case, found: Sequence[Correction]) -> list[str]:
    """Return the words that the agent could offer as right and that are not a piece of an acceptable form."""
    models = (_MODEL.search(said) for said in recast.recasts(case.sentence, found))
    offered = dict.fromkeys(model[1] for model in models if model)
    forms = [f" {' '.join(words(form))} " for form in case.acceptable]
    return [model for model in offered if not any(f" {' '.join(words(model))} " in form for form in forms)]


def put_right(sentence: str, found: Sequence[Correction]) -> str:
    for one in reversed(found):
        sentence = sentence[: one.start] + one.better + sentence[one.end :]
    return sentence


def words(text: str) -> list[str]:
    return [word for word in normalizing.without_punctuation(text).split() if word not in _HESITATIONS]


def print_table(part: str, figures: Figures) -> None:
    print(f"\n{part:20}{'sentences':>10}{'found':>7}{'exact':>7}{'wrong models':>14}")
    for name, one in sorted(figures.mistakes.items()):
        print(f"{name:20}{one.sentences:10}{one.found:7}{one.exact:7}{one.wrong_models:14}")
    total = figures.as_json()
    print(
        f"found {total['found']:.1%}, exactly right {total['exact']:.1%}, worst category {total['worst_category']:.1%}"
    )
    print(f"false alarms {total['false_alarms']} of {total['right_sentences']}, wrong models {total['wrong_models']}")
    print(f"a sentence takes {total['median_ms']} ms (median), {total['p95_ms']} ms (95th percentile)")


if __name__ == "__main__":
    sys.exit(main())
