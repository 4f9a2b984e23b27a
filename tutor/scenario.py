"""Scenarios: what a talk is about. One TOML file each, in `scenarios/`."""

from dataclasses import dataclass

LEVELS = ("A1", "A2", "B1", "B2", "C1")


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What an engine is told of a talk before it begins."""

    scenario: Scenario
    level: str
    seed: str  # the conversation's id: the same talk makes the same choices again
    topic: str = ""  # these four are the learner's own words, for the scenario "own-topic"
    goal: str = ""
    rules: str = ""
    expectations: str = ""
