"""Measure how well the guided partner understands scripted learners, without a model or a voice.

    python bench/partner.py [--quick] [--show]

Prints a table, then one line of JSON. Each probe of `partner_talks/` types a learner's words and judges the reply by
explicit conditions. Each talk counts the replies that take up the learner's words: they share a content word with the
last two turns, or match the script's pattern for the turn. Rules may be written for `work.toml`. `report.toml` is only
for reporting: no rule is written or changed because of it. --quick plays one seed instead of five. --show prints the
replies to `work.toml`. Exits 1 when fewer than 21 of 24 probes of `report.toml` pass, or fewer than 60 % of its replies
take up the learner's words.
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")

from engines.local import corrector, partner, rules, tagging  # noqa: E402
from tutor import scenario  # noqa: E402
from tutor.domain import Line  # noqa: E402
from tutor.scenario import Brief  # noqa: E402

TALKS = Path(__file__).parent / "partner_talks"
FEWEST_PROBES, FEWEST_TAKEN_UP = 21 / 24, 0.6
SEEDS = 5
_COMMON = frozenset(
    (  # noqa: SIM905
        "the and but that this with for you your are was were have has had not what when where who how why does did"
        " will would could should about from they them there their then than very much many some any all can just like"
        " more most one two our his her him she its into out off over again because been being also only own same too"
        " i'm don't it's thing things"
    ).split()
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    for load in (rules.load, tagging.load, corrector.load):
        load()
    figures: dict[str, Any] = {"bench": "partner"}
    for part in ("work", "report"):
        script = tomllib.loads((TALKS / f"{part}.toml").read_text(encoding="utf-8"))
        figures[part] = measured(script, 1 if arguments.quick else SEEDS, show=arguments.show and part == "work")
        print_table(part, figures[part])
    print(json.dumps(figures))
    report = figures["report"]
    return int(report["share"] < FEWEST_PROBES or report["taken_up"] < FEWEST_TAKEN_UP)


def measured(script: dict[str, Any], seeds: int, *, show: bool) -> dict[str, Any]:
    passed: dict[str, list[bool]] = defaultdict(list)
    taken: list[bool] = []
    took: list[float] = []
    for number in range(seeds):
        for probe in script["probes"]:
            failures, reply = judged(probe, f"seed-{number}", took)
            passed[probe["kind"]].append(not failures)
            if show and failures:
                print(f"{probe['kind']}: {probe['said']} -> {reply}  {failures}")
        for talk in script["talks"]:
            taken += played(talk, f"seed-{number}", took, show=show)
    kinds = {kind: [sum(results), len(results)] for kind, results in passed.items()}
    every = [result for results in passed.values() for result in results]
    return {
        "share": round(sum(every) / len(every), 3),
        "kinds": kinds,
        "replies": len(taken),
        "taken_up": round(sum(taken) / len(taken), 3),
        "median_ms": round(statistics.median(took) * 1000, 1),
        "p95_ms": round(sorted(took)[int(len(took) * 0.95)] * 1000, 1),
    }


def judged(probe: dict[str, Any], seed: str, took: list[float]) -> tuple[list[str], str]:
    """Return the conditions of a probe that its reply fails, and the reply."""
    brief = brief_of(probe, seed)
    transcript: list[Line] = []
    for said in probe["before"]:
        transcript += [
            Line("user", said),
            Line("assistant", " ".join(partner.answer(brief, transcript, said, ()).sentences)),
        ]
    start = time.perf_counter()
    answer = partner.answer(brief, transcript, probe["said"], ())
    took.append(time.perf_counter() - start)
    reply = " ".join(answer.sentences)
    asked = scenario.sentences(transcript[-1].text)[-1] if transcript else ""
    patterns = [
        re.escape(asked.partition(": ")[2] or asked) if one == "{asked}" else one for one in probe.get("all", ())
    ]
    failures = [f"without {one}" for one in patterns if not re.search(one, reply, re.IGNORECASE)]
    failures += [f"has {one}" for one in probe.get("none", ()) if re.search(one, reply, re.IGNORECASE)]
    if "ended" in probe and answer.ended != probe["ended"]:
        failures.append("is not ended")
    if probe.get("closes") and not (answer.ended or any(one in reply for one in partner.phrases.SHALL_WE_STOP)):
        failures.append("does not close")
    if probe.get("slower") and partner.pace([*probe["before"], probe["said"]]) >= 1:
        failures.append("is not slower")
    if "foreign" in probe and (
        ("only English" in reply or "English is the only" in reply or "speak only English" in reply) != probe["foreign"]
    ):
        failures.append("language")
    return failures, reply


def played(talk: dict[str, Any], seed: str, took: list[float], *, show: bool) -> list[bool]:
    """Return for each reply of a talk whether it takes up the learner's words."""
    brief = brief_of(talk, seed)
    transcript = [Line("assistant", partner.opening(brief))]
    taken = []
    heard: list[str] = []
    for turn in talk["turns"]:
        said, _, listed = turn.partition(" => ")
        start = time.perf_counter()
        reply = " ".join(partner.answer(brief, transcript, said, ()).sentences)
        took.append(time.perf_counter() - start)
        heard.append(said)
        transcript += [Line("user", said), Line("assistant", reply)]
        takes_up = bool(stems(" ".join(heard[-2:])) & stems(reply)) or bool(
            listed and re.search(listed, reply, re.IGNORECASE)
        )
        taken.append(takes_up)
        if show:
            print(f"  {'+' if takes_up else '-'} {said} -> {reply}")
    return taken


def brief_of(script: dict[str, Any], seed: str) -> Brief:
    own = {name: script.get(name, "") for name in ("topic", "goal")}
    return Brief(scenario=scenario.get(script["scenario"]), level=script["level"], seed=seed, **own)


def stems(text: str) -> set[str]:
    """Return the first letters of the content words, which show that two forms belong to one word."""
    return {word[:5] for word in re.findall(r"[a-z']{4,}", text.lower()) if word not in _COMMON}


def print_table(part: str, figures: dict[str, Any]) -> None:
    print(f"\n{part:12}{'passed':>8}{'of':>6}")
    for kind, (passed, of) in figures["kinds"].items():
        print(f"{kind:12}{passed:8}{of:6}")
    print(f"probes {figures['share']:.1%}, taken up {figures['taken_up']:.1%} of {figures['replies']} replies")
    print(f"a reply takes {figures['median_ms']} ms (median), {figures['p95_ms']} ms (95th percentile)")


if __name__ == "__main__":
    sys.exit(main())
