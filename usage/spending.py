"""Estimate the cost of calls to providers in dollars, from a list of prices. Without a price the cost is unknown."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core import metrics
from core.json_types import Json
from usage import budget, metering
from usage.metering import TOKENS, Used, is_amount

OURS = Path(__file__).parent / "prices.toml"
MILLION = 1_000_000
KNOWN = {*TOKENS, "minute", "characters"}
# Dollars. A higher price is a typing error.
MOST = MILLION

# Model → the unit that is counted → dollars.
Prices = Mapping[str, Mapping[str, float]]


def prices() -> Prices:
    """Return the prices of the file PRICE_OPENAI, else ours. Raises ImproperlyConfigured with the file and the error in it."""
    return _read(Path(settings.PRICE_OPENAI) if settings.PRICE_OPENAI else OURS)


def cost(used: Iterable[Used]) -> float | None:
    """Return the dollars for these calls: 0 for no calls, None if one of the prices is unknown."""
    each = [_cost(call, prices().get(call.model)) for call in used]
    known = [dollars for dollars in each if dollars is not None]
    return sum(known) if len(known) == len(each) else None


def measured(engine: str, used: Iterable[Used]) -> Json:
    """Return the usage as a message stores it: {engine, usage: [{stage, model, …}], cost}.

    Fields of a call that are zero are left out. `cost` is in dollars, and None if it is unknown: a price is missing, or
    another engine than the embedded one reported no usage.
    """
    calls = list(used)
    shapes = [{name: value for name, value in asdict(call).items() if value} for call in calls]
    dollars = cost(calls) if calls or engine == budget.EMBEDDED else None
    return {"engine": engine, "usage": shapes, "cost": None if dollars is None else round(dollars, 8)}


def count(engine: str, used: Iterable[Used]) -> None:
    """Add these calls to /metrics. The call itself has charged the day's budget."""
    for call in used:
        tokens = {name: getattr(call, name) for name in TOKENS}
        dollars = cost([call])
        metrics.used(engine, call.stage, seconds=call.seconds, tokens=tokens, dollars=dollars)


@contextmanager
def counted(engine: str) -> Iterator[list[Used]]:
    """Count the usage of a request to an engine other than a reply in a talk, even if the request fails."""
    with metering.collected() as used:
        try:
            yield used
        finally:
            count(engine, used)


def _cost(call: Used, price: Mapping[str, float] | None) -> float | None:
    """Return the dollars for a call: by minute, character or token, as the model is billed. None if the price is unknown."""
    if price is None:
        return None
    if "minute" in price and call.seconds:
        return call.seconds / 60 * price["minute"]
    if "characters" in price and call.characters:
        return call.characters / MILLION * price["characters"]
    tokens = {name: count for name in TOKENS if (count := getattr(call, name))}
    # Without counted tokens, the call has cost something, but the amount is unknown.
    if not tokens or tokens.keys() - price.keys():
        return None
    return sum(count * price[name] / MILLION for name, count in tokens.items())


@cache
def _read(path: Path) -> Prices:
    try:
        found = tomllib.loads(path.read_text())
    # The file is missing, is not UTF-8, is not TOML, or is nested too deeply.
    except (OSError, ValueError, RecursionError) as error:
        raise ImproperlyConfigured(f"PRICE_OPENAI: {path} cannot be read: {error}") from error
    return {model: _checked(path, model, price) for model, price in found.items()}


def _checked(path: Path, model: str, price: object) -> Mapping[str, float]:
    if not isinstance(price, dict):
        raise ImproperlyConfigured(f'PRICE_OPENAI: {path} has no table ["{model}"], but a value of that name.')
    amounts = {name: value for name, value in price.items() if name != "predecessor"}
    for name, value in amounts.items():
        place = f"PRICE_OPENAI: {path}: {name!r} of {model!r}"
        if name not in KNOWN:
            raise ImproperlyConfigured(f"{place} is none of {', '.join(sorted(KNOWN))}.")
        if not is_amount(value) or value > MOST:
            raise ImproperlyConfigured(f"{place} must be a number of dollars, from 0 to {MOST:,}.")
    return amounts
