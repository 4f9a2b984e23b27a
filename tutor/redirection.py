"""Choose what the agent says in place of an answer: a kind sentence, and a question that leads back to the scenario.

The phrases are in `redirection.toml`.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tutor import moderation, scenario
from tutor.domain import Line
from tutor.moderation import Audience, Category
from tutor.scenario import Brief
from tutor.toml_tables import read

_FILE = Path(__file__).parent / "redirection.toml"
# Phrases beside those of the categories: for a learner who asks about a word, and for the agent's own words.
_OTHERS = ("asked", "asked_by_children", "own")


def of_learner(brief: Brief, lines: Sequence[Line], heard: str, category: Category) -> tuple[str, ...]:
    """Return the agent's sentences for words of this category, which the learner has just said."""
    if category is Category.SELF_HARM:
        return caring()
    # Only words can be asked about. A threat stays one.
    about_a_word = category in (Category.HATE, Category.RUDE, Category.SEXUAL, Category.ADULT)
    if about_a_word and moderation.is_asking(heard):
        of_children = moderation.audience() is Audience.CHILDREN
        return _redirected(brief, lines, "asked_by_children" if of_children else "asked")
    return _redirected(brief, lines, category.value)


def of_agent(brief: Brief, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the agent's sentences after its own words were stopped."""
    return _redirected(brief, lines, "own")


def caring() -> tuple[str, ...]:
    """Return the agent's sentences for a learner who is in danger or despair."""
    return load()["caring"]


@cache
def load() -> dict[str, tuple[str, ...]]:
    """Return the phrases by their name. Raises DataFileError for the first invalid field."""
    with read(_FILE) as table:
        say = table.table("say")
        names = [each.value for each in Category if each is not Category.SELF_HARM]
        phrases = {name: say.says(name, questions=False, slot="") for name in (*names, *_OTHERS)}
        return phrases | {"caring": table.table("caring").says("say", questions=False, slot="")}


def _redirected(brief: Brief, lines: Sequence[Line], name: str) -> tuple[str, ...]:
    spoken = [line.text for line in lines if line.role == "assistant"]
    phrases = load()[name]
    said = "\n".join(spoken)
    phrase = next((each for each in phrases if each not in said), phrases[len(spoken) % len(phrases)])
    return (phrase, question) if (question := _question(brief, said)) else (phrase,)


def _question(brief: Brief, said: str) -> str:
    """Return the scenario's next question that was not asked yet, and that needs no words of the learner."""
    easy = brief.needs_easy_words
    general = (each for each in brief.scenario.follow_ups if not (each.when or scenario.slots(each.ask)))
    unasked = next((each for each in general if not each.found_in(said)), None)
    return (unasked.easy if easy and unasked.easy else unasked.ask) if unasked else ""
