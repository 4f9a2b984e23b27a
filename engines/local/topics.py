"""Find another topic that a learner wishes for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.local import parsing, remarks, rules, tagging, uptake
from engines.local.remarks import Intent
from tutor import scenario
from tutor.scenario import FollowUp, Scenario

# Characters of the learner's words that are spoken back.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Topic:
    """Hold a topic in the partner's words, and the scenario that has questions about it, if any."""

    text: str
    scenario: Scenario | None

    @property
    def questions(self) -> tuple[FollowUp, ...]:
        """Return the questions about the topic, from first questions to general ones."""
        if self.scenario is not None:
            first = scenario.sentences(self.scenario.opening)[-1]
            return (FollowUp(ask=first), *self.scenario.follow_ups)
        phrase = next(iter(tagging.phrases(tagging.tag(f"I like {self.text}"))), None)
        templates = rules.topics().asks.get(parsing.class_of(phrase), ()) if phrase else ()
        asks = [scenario.fill(one, {"topic": self.text}) for one in (*templates, *rules.topics().asks["default"])]
        generic = (one for one in scenario.get("own-topic").follow_ups if not scenario.slots(one.ask) and not one.when)
        return (*(FollowUp(ask=ask) for ask in dict.fromkeys(asks)), *generic)


def named(text: str, heard: str) -> Topic | None:
    """Return the topic in a learner's words, or None if they name nothing to speak of."""
    at = heard.lower().find(text)
    words = re.sub(r"[^\w\s'-]", " ", heard[at : at + len(text)] if at >= 0 else text).split()
    spoken = " ".join(uptake.flipped(word) for word in words)[:_LONGEST].strip()
    spoken = re.sub(r"^(?:something |anything |a bit )?(?:about |on |of )", "", spoken)
    if not spoken or not any(word.isalpha() for word in spoken):
        return None
    if spoken.lower() in rules.replies().famous:
        spoken = spoken.title()
    telling = set(re.findall(r"[a-z]+", spoken.lower())) - {"my", "your", "the", "a", "in", "and"}
    fitting = (name for name, listed in rules.topics().scenarios.items() if telling and telling <= listed)
    scenarios = scenario.load_all()
    return Topic(spoken, next((scenarios[name] for name in fitting if name in scenarios), None))


def latest(heard: Sequence[str]) -> Topic | None:
    """Return the last topic that the learner wished for in a talk, or None."""
    for text in reversed(heard):
        remark = remarks.understand(text)
        if remark.intent is Intent.OTHER_TOPIC and (topic := remark.groups.get("topic")):
            return named(topic, text)
    return None
