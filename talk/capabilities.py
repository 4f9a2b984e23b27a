"""Describe the agent and its capabilities for pages and clients, before a talk begins."""

from dataclasses import dataclass

from django.http import HttpRequest

from engines import in_use
from talk import privacy_notice
from tutor import instructions, language
from tutor.language import Language


@dataclass(frozen=True, slots=True)
class Partner:
    """Describe the preferred engine in a learner's words.

    `kind` is "guided" for a program that follows a scenario, or "free" for a language model. `providers` names the services that
    get the learner's words, none for the guided engine. `stand_in` says whether the guided engine goes on if the model fails.
    """

    engine: str
    kind: str
    model: str | None
    providers: tuple[str, ...]
    stand_in: bool


def partner() -> Partner:
    """Return the partner of a new talk: the preferred engine."""
    first, *others = in_use()
    stand_in = bool(first.model()) and any(not other.model() for other in others)
    kind = "free" if first.model() else "guided"
    providers = tuple(dict.fromkeys(each.provider for each in first.receivers()))
    return Partner(first.name, kind, first.model() or None, providers, stand_in)


def languages() -> list[Language]:
    """Return the languages that the engines of this site can explain mistakes in, English first."""
    known = language.load_all().values()
    return [each for each in known if each.code == language.DEFAULT or _multilingual()]


def translations() -> list[Language]:
    """Return the languages that the engines of this site can translate into, none without an engine that translates."""
    return languages() if _multilingual() else []


def context(request: HttpRequest) -> dict[str, object]:
    """Return the variables of templates, as a context processor."""
    return {
        "partner": partner,
        "privacy": privacy_notice.notice,
        "languages": languages,
        "translations": translations,
        "speeds": {name: level.speed for name, level in instructions.LEVELS.items()},
    }


def _multilingual() -> bool:
    return any(engine.capabilities.multilingual for engine in in_use())
