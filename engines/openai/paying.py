"""Reserve the cost of a call to the provider before it begins, and charge what it has really cost."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tutor.domain import EnoughForToday
from usage import budget, metering, spending
from usage.budget import Reservation
from usage.metering import Used

# Estimates are upper bounds for ordinary text and speech, so that few calls cost more than was reserved.
FEWEST_CHARACTERS_A_TOKEN = 3
CHARACTERS_A_SECOND = 10
TOKENS_HEARD_A_SECOND, TOKENS_SPOKEN_A_SECOND, TOKENS_WRITTEN_A_SECOND = 10, 20, 5


class Call:
    """Hold the reservation of one call, and record its usage."""

    def __init__(self, reservation: Reservation) -> None:
        self._reservation = reservation
        self._is_recorded = False

    def record(self, used: Used) -> None:
        """Record the usage, and charge its cost. If the price of what was counted is unknown, charge the estimate."""
        self._is_recorded = True
        metering.record(used)
        dollars = spending.cost([metering.valid(used)])
        self._reservation.charge(self._reservation.left if dollars is None else dollars)

    def abandon(self) -> None:
        """Charge the estimate of a call that was left before its usage was known: the provider may have finished it."""
        if not self._is_recorded:
            self._reservation.charge(self._reservation.left)


@contextmanager
def call(estimate: Used) -> Iterator[Call]:
    """Reserve what a call with this usage would cost, until the end of the block. Raises EnoughForToday.

    A call that fails costs nothing. A call that is cancelled before its usage was recorded costs the estimate.
    """
    paid = Call(reserved(spending.cost([estimate]) or 0.0))
    try:
        yield paid
    except (asyncio.CancelledError, GeneratorExit):
        paid.abandon()
        raise
    finally:
        paid._reservation.release()


@contextmanager
def turn(estimates: Iterable[Used]) -> Iterator[None]:
    """Reserve what the calls of a whole turn would cost, so that an answer is not broken off. Raises EnoughForToday."""
    with ExitStack() as stack:
        try:
            stack.enter_context(budget.reserved_for_all(spending.cost(estimates) or 0.0))
        except budget.Exhausted as error:
            raise EnoughForToday(str(error)) from None
        yield


def reserved(dollars: float) -> Reservation:
    """Reserve these dollars for the current payer. Raises EnoughForToday."""
    try:
        return budget.reserve(dollars)
    except budget.Exhausted as error:
        raise EnoughForToday(str(error)) from None


def of_text(characters: int) -> int:
    """Return about how many tokens a text has, rather too many."""
    return characters // FEWEST_CHARACTERS_A_TOKEN + 20


def of_speech(characters: int, speed: float) -> float:
    """Return about how many seconds a text takes to speak, rather too many."""
    return characters / CHARACTERS_A_SECOND / min(1.0, max(0.25, speed)) + 1.0


def transcription(model: str, seconds: float) -> Used:
    """Return the estimated usage of transcribing so much audio, by the minute or by tokens."""
    heard, written = round(seconds * TOKENS_HEARD_A_SECOND) + 1, round(seconds * TOKENS_WRITTEN_A_SECOND) + 20
    return Used("transcription", model, seconds=seconds, audio_in=heard, text_in=100, text_out=written)
