"""Find sentences to say after the agent, and compare an attempt with its sentence.

Nothing is stored here: neither an attempt nor a text or a sound that a learner brings.
"""

import difflib
import re
import textwrap
import uuid
from dataclasses import dataclass

from learning import talk_mistakes
from learning.kinds import written_out
from tutor import sentences
from tutor.scenario import Scenario
from tutor.transcripts import GAP, Transcript
from tutor.verbalization import verbalize

# Sentences of one source, and characters of a sentence. A longer one is cut between words.
MOST_SENTENCES, LONGEST_SENTENCE = 100, 200
# Sentences of the learner's own, and the newest talks in which they are looked for.
MOST_OWN, MOST_TALKS = 30, 100
_SLOT = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class ComparedWord:
    """Hold a word of the sentence, as it is written there, and whether it was heard with certainty."""

    text: str
    heard: bool


def of_learner(learner: uuid.UUID) -> list[str]:
    """Return the learner's own sentences with their mistakes corrected, the newest first. Raises OutOfReach."""
    mistakes = talk_mistakes.of_learner(learner, "", MOST_OWN, most_talks=MOST_TALKS)
    return _bounded([mistake.corrected for mistake in mistakes])


def of_scenario(scenario: Scenario) -> list[str]:
    """Return the agent's lines of a scenario: its opening, its questions and its closings."""
    asked = [each.ask for each in scenario.follow_ups if not _SLOT.search(each.ask)]
    return _bounded(sentences.split(" ".join([scenario.opening, *asked, *scenario.closings])))


def of_text(text: str) -> list[str]:
    return _bounded(sentences.split(text))


def compare(sentence: str, heard: Transcript) -> list[ComparedWord]:
    """Return the words of the sentence. A word is heard if it was said at its place, and its transcript is not in doubt.

    A word that was not heard may have been said all the same, so nothing here is wrong.
    """
    tokens = sentence.split()
    units = [(unit, number) for number, token in enumerate(tokens) for unit in _units(token)]
    said = [unit for token in heard.certain.replace(GAP, " ").split() for unit in _units(token)]
    matcher = difflib.SequenceMatcher(None, [unit for unit, _ in units], said, autojunk=False)
    found = {at for block in matcher.get_matching_blocks() for at in range(block.a, block.a + block.size)}
    missed = {number for at, (_, number) in enumerate(units) if at not in found}
    # A dash alone has no sound, so it cannot be missed.
    return [ComparedWord(token, number not in missed) for number, token in enumerate(tokens)]


def _units(token: str) -> tuple[str, ...]:
    """Return the words of a token without contractions, numbers and hyphens, so that each way to write it is the same."""
    return tuple(part for unit in written_out(verbalize(token)) for part in unit.split("-"))


def _bounded(found: list[str]) -> list[str]:
    pieces = [piece for each in found for piece in textwrap.wrap(each, LONGEST_SENTENCE)]
    spoken = [piece for piece in pieces if any(map(str.isalnum, piece))]
    return list(dict.fromkeys(spoken))[:MOST_SENTENCES]
