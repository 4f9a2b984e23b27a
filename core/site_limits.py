"""List the limits of this site, and read their values.

The environment gives the starting values. The admin page "Limits" overrides them without a restart: `usage.limit_overrides`
reads that row every few seconds. So reading a value costs no query.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class SiteLimit:
    """Describe one limit. `name` is its setting. `label` and `protects`, why it exists, are for the admin page."""

    name: str
    label: str
    protects: str
    # Dollars may have decimals. All other limits are whole numbers.
    in_dollars: bool = False
    low: int = 1
    high: int = 1_000_000


LIMITS = (
    SiteLimit(
        "REQUESTS_PER_MINUTE",
        "Requests of a learner in a minute",
        "Protects the server from scripts. Pages with their data need about 20 in a minute.",
    ),
    SiteLimit(
        "CALLS_PER_MINUTE",
        "Calls of a learner to the engines in a minute",
        "Protects computing time and the provider's rate limit. A talk makes up to 20 in a minute.",
    ),
    SiteLimit(
        "TALKS_PER_LEARNER",
        "Talks of a learner at once",
        "Protects the places of other learners from forgotten windows.",
        high=1000,
    ),
    SiteLimit(
        "LOCAL_TALKS",
        "Talks at once with the embedded engine",
        "Protects the computing time of this server: with more talks, all of them answer more slowly.",
        high=10_000,
    ),
    SiteLimit(
        "PROVIDER_TALKS",
        "Talks at once with a provider",
        "Protects the memory of this server, and the provider's rate limit.",
        high=10_000,
    ),
    SiteLimit(
        "SPEECH_MINUTES_PER_DAY",
        "Minutes that a learner may speak in a day",
        "Protects computing time from scripts that play recordings. Only the learner's own voice is counted.",
        high=1440,
    ),
    SiteLimit(
        "LEARNER_QUOTA_MB",
        "Megabytes of recordings that a learner may keep",
        "Protects the disk and the bucket. A minute of speech takes 0.25 MB.",
        high=10_000_000,
    ),
    SiteLimit(
        "SENT_MB_PER_DAY",
        "Megabytes that a learner may send in a day",
        "Protects the disk and computing time from endless uploads. A talk over the WebSocket is not counted.",
        high=10_000_000,
    ),
    SiteLimit(
        "LEARNER_SPENDING_LIMIT",
        "Dollars that a learner may cost in a day",
        "Protects your money from one learner. Above it, the embedded engine answers this learner.",
        in_dollars=True,
        low=0,
    ),
    SiteLimit(
        "DAILY_SPENDING_LIMIT",
        "Dollars that all learners together may cost in a day",
        "Protects your money. Above it, only the embedded engine answers.",
        in_dollars=True,
        low=0,
    ),
    SiteLimit(
        "LEARNERS_PER_ADDRESS",
        "Learners counted for an address",
        "Protects everything above from scripts that make up learners: an address may do this many times what a learner may. "
        "A class shares an address.",
        high=10_000,
    ),
)

_overrides: Mapping[str, float] = {}


def value(name: str) -> int:
    """Return a limit that is a whole number."""
    return int(_overrides.get(name, getattr(settings, name)))


def dollars(name: str) -> float:
    """Return a limit in dollars."""
    return float(_overrides.get(name, getattr(settings, name)))


def of_address(name: str) -> int:
    """Return the limit of an address for what `name` limits for one learner."""
    return value(name) * value("LEARNERS_PER_ADDRESS")


def override(values: Mapping[str, float]) -> None:
    """Use these values instead of those of the environment. The others keep them."""
    global _overrides
    _overrides = dict(values)
