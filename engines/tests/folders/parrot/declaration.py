"""Declare an engine that repeats what it hears."""

from collections.abc import Iterable

from django.conf import settings
from django.core.checks import CheckMessage, Error

from core.findings import Probe, Warned
from engines.interface import LANGUAGE_MODELS, Capabilities, Declaration, Receiver

ACCENTS = ("plain", "salty")


class ParrotDeclaration(Declaration):
    name = "parrot"
    engine = "engines.parrot.engine.ParrotEngine"
    preference = 10
    capabilities = Capabilities(corrects_aloud=True)

    def configured(self) -> bool:
        return bool(_accent())

    def system_checks(self) -> Iterable[CheckMessage]:
        if _accent() not in ACCENTS:
            yield Error("PARROT_ACCENT is unknown.", hint=f"Write one of {', '.join(ACCENTS)}.", id="parrot.E001")

    def verify_checks(self) -> Iterable[Probe]:
        return [Probe(LANGUAGE_MODELS, "parrot", _awake)]

    def model(self) -> str:
        return "parrot-1"

    def receivers(self) -> tuple[Receiver, ...]:
        return (Receiver("the cage", "cage.example.org", "chat"),)


def _accent() -> str:
    # mypy's settings have the engines in engines/ alone.
    return str(settings.PARROT_ACCENT)  # type: ignore[misc]


def _awake() -> str:
    if _accent() == "salty":
        raise Warned("The parrot swears.", "Set PARROT_ACCENT=plain.")
    return "The parrot is awake."


DECLARATION = ParrotDeclaration()
