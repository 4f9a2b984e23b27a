"""Check that the settings of the OpenAI-compatible servers fit together. Contacts none of them."""

from collections.abc import Iterator, Sequence
from datetime import date

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from engines.openai import model_dates
from engines.openai.endpoints import Stage
from usage import spending


def messages(
    engine: str, used: Sequence[Stage], needed: Sequence[Stage], today: date, judging: Sequence[Stage] = ()
) -> list[CheckMessage]:
    """Return what is wrong for this engine: the errors, or the warnings if there is no error.

    `used` are the stages that the engine uses, `needed` those that it cannot talk without. `judging` is the one of moderation,
    which costs nothing.
    """
    return list(_errors(engine, (*used, *judging), needed)) or list(_warnings(engine, used, needed, today))


def _errors(engine: str, used: Sequence[Stage], needed: Sequence[Stage]) -> Iterator[CheckMessage]:
    if engine == settings.TUTOR_ENGINE and not any(stage.may_answer for stage in needed):
        yield Error(
            f"TUTOR_ENGINE={engine}, but there is no key for OpenAI, and no other server is named.",
            hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that speaks OpenAI's protocol; or write TUTOR_ENGINE=auto.",
            id="openai.E001",
        )
    # Name the setting and not its value, which may hold a password.
    for setting in sorted({stage.url_setting for stage in used if not stage.host}):
        yield Error(
            f"{setting} is not an address.", hint="Write one such as http://localhost:8880/v1.", id="openai.E002"
        )
    for setting in sorted({stage.key_setting for stage in used if not stage.key_fits}):
        yield Error(
            f"{setting} has characters that no key has.",
            hint="Copy it again, without quotes or dots.",
            id="openai.E003",
        )


def _warnings(engine: str, used: Sequence[Stage], needed: Sequence[Stage], today: date) -> Iterator[CheckMessage]:
    if without := [stage.name for stage in needed if not stage.may_answer]:
        yield Warning(
            f"{engine} cannot talk: {', '.join(without)} would be asked of OpenAI, without a key.",
            hint=f"Set OPENAI_API_KEY, or {' and '.join(f'OPENAI_{name.upper()}_URL' for name in without)}.",
            id="openai.W003",
        )
    for stage in used:
        if day := model_dates.end(stage):
            yield Warning(
                f"{stage.model_setting}={stage.model}: OpenAI {'has shut' if day <= today else 'shuts'} it down on {day}.",
                hint=f"Write {stage.model_setting}={model_dates.successor(stage)} and restart.",
                id="openai.W001",
            )
    # An operator who chose an engine that needs the Realtime API knows that the server has it.
    is_chosen = engine == settings.TUTOR_ENGINE and any(stage.name == "realtime" for stage in needed)
    # The successor is the default model, too.
    model = model_dates.SUCCESSORS["speech"]
    for stage in used:
        if stage.name == "speech" and stage.model == model and stage.host and not (stage.is_openais or is_chosen):
            yield Warning(
                f"{stage.host} is to speak with {model}, over the Realtime API: few servers but OpenAI's have that.",
                hint="Set OPENAI_SPEECH_MODEL to a model that it offers at /audio/speech.",
                id="openai.W002",
            )
    try:
        prices = spending.prices()
    # The check of the prices reports it.
    except ImproperlyConfigured:
        return
    for stage in used:
        if stage.is_openais and stage.key and stage.model not in prices:
            yield Warning(
                f"{stage.model_setting}={stage.model} has no price: what it costs does not count towards DAILY_SPENDING_LIMIT.",
                hint="Write its price to a file such as usage/prices.toml, and name that in PRICE_OPENAI.",
                id="openai.W004",
            )
