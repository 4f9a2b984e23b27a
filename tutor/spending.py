"""About how much money a provider asks for what was used of it, by prices that are written down. What has no price is not known:
nothing is guessed."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from talking_agent import metrics
from tutor import usage
from tutor.usage import Used

OURS = Path(__file__).parent / "prices.toml"
EMBEDDED = "local"  # the engine that asks nobody
MILLION = 1_000_000
TOKENS = ("text_in", "audio_in", "cached_in", "text_out", "audio_out")
KNOWN = {*TOKENS, "minute", "characters"}
MOST = MILLION  # dollars for one of them; what is more is a slip

Prices = Mapping[str, Mapping[str, float]]  # model → what is counted → dollars


def prices() -> Prices:
    """Those of PRICE_OPENAI, else ours. Raises ImproperlyConfigured, naming the file and what is wrong in it."""
    return _read(Path(settings.PRICE_OPENAI) if settings.PRICE_OPENAI else OURS)


def cost(used: Iterable[Used]) -> float | None:
    """Dollars for these calls, 0 for none; None where a price is not known."""
    each = [_cost(call, prices().get(call.model)) for call in used]
    known = [dollars for dollars in each if dollars is not None]
    return sum(known) if len(known) == len(each) else None


def measured(engine: str, used: Iterable[Used]) -> dict[str, Any]:
    """What a message keeps of this: {engine, usage: [{stage, model, …}], cost}. Nothing that is zero is kept of a call. Where a
    provider was asked and told nothing of what it took, the cost is not known."""
    calls = list(used)
    shapes = [{name: value for name, value in asdict(call).items() if value} for call in calls]
    dollars = cost(calls) if calls or engine == EMBEDDED else None
    return {"engine": engine, "usage": shapes, "cost": None if dollars is None else round(dollars, 8)}


def count(engine: str, used: Iterable[Used]) -> None:
    """In /metrics."""
    for call in used:
        tokens = {name: getattr(call, name) for name in TOKENS}
        metrics.used(engine, call.stage, seconds=call.seconds, tokens=tokens, dollars=cost([call]))


@contextmanager
def counted(engine: str) -> Iterator[list[Used]]:
    """Around what is asked of an engine beside its answers: what that takes is counted, though it fails."""
    with usage.collected() as used:
        try:
            yield used
        finally:
            count(engine, used)


def _cost(call: Used, price: Mapping[str, float] | None) -> float | None:
    """By the minute or the character where the model is billed so, else by the token."""
    if price is None:
        return None
    if "minute" in price and call.seconds:
        return call.seconds / 60 * price["minute"]
    if "characters" in price and call.characters:
        return call.characters / MILLION * price["characters"]
    tokens = {name: count for name in TOKENS if (count := getattr(call, name))}
    if not tokens or tokens.keys() - price.keys():  # it has taken something, and of that nothing was counted
        return None
    return sum(count * price[name] / MILLION for name, count in tokens.items())


@cache
def _read(path: Path) -> Prices:
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:  # not there, not UTF-8, not TOML, nested without end
        raise ImproperlyConfigured(f"PRICE_OPENAI: {path} cannot be read: {error}") from error
    return {model: _checked(path, model, price) for model, price in found.items()}


def _checked(path: Path, model: str, price: Any) -> Mapping[str, float]:
    if not isinstance(price, dict):
        raise ImproperlyConfigured(f'PRICE_OPENAI: {path} has no table ["{model}"], but a value of that name.')
    amounts = {name: value for name, value in price.items() if name != "predecessor"}
    for name, value in amounts.items():
        place = f"PRICE_OPENAI: {path}: {name!r} of {model!r}"
        if name not in KNOWN:
            raise ImproperlyConfigured(f"{place} is none of {', '.join(sorted(KNOWN))}.")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
            raise ImproperlyConfigured(f"{place} must be a number of dollars, from 0 to {MOST:,}.")
    return amounts
