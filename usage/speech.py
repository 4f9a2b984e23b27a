"""Limit the minutes that a learner may speak in a day (UTC)."""

from core import site_limits
from core.counts import counted, hours_until
from usage import ledger, payer
from usage.ledger import Amount, seconds_until_tomorrow

ENOUGH = (
    "You have spoken for {minutes} today. That is all for one day: well done! "
    "After midnight (UTC), in {hours}, you can go on. Your talks are in the history."
)
ENOUGH_OF_ADDRESS = (
    "The learners at your address have spoken for {minutes} today, which is all for one day. "
    "After midnight (UTC), in {hours}, you can go on. Your talks are in the history."
)


class SpokenEnough(Exception):
    """Report that the visitor has used the minutes of the day. `wait_s` seconds later there are new ones."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.wait_s = seconds_until_tomorrow()


def count(seconds: float) -> None:
    """Count the speech of the current visitor."""
    if visitor := payer.current():
        ledger.add((visitor.own, visitor.shared), Amount(seconds=seconds))


def require_time() -> None:
    """Raise SpokenEnough if the current visitor has used the minutes of the day."""
    if visitor := payer.current():
        _require(visitor.own, site_limits.value("SPEECH_MINUTES_PER_DAY"), ENOUGH)
        _require(visitor.shared, site_limits.of_address("SPEECH_MINUTES_PER_DAY"), ENOUGH_OF_ADDRESS)


def _require(key: str, minutes: int, sentence: str) -> None:
    if ledger.used(key).seconds >= minutes * 60:
        spoken, hours = counted(minutes, "minute"), hours_until(seconds_until_tomorrow())
        raise SpokenEnough(sentence.format(minutes=spoken, hours=hours))
