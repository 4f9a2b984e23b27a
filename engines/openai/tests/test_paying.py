"""The cost of a call is reserved before it begins. What it really cost is charged."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from engines.openai import paying
from engines.openai_realtime.deposit import Deposit
from tutor.domain import EngineError, EnoughForToday, Line
from usage import budget
from usage.metering import Used

# A dollar.
ESTIMATE = Used("chat", "tts-1", characters=1_000_000 // 15)
DOLLAR = 0.99999


def used(share: float) -> Used:
    return Used("chat", "tts-1", characters=int(share * ESTIMATE.characters))


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.DAILY_SPENDING_LIMIT = 2.5


def is_free(dollars: float) -> bool:
    """Return whether so much can be reserved. A refusal ends the day, so call it last."""
    try:
        budget.reserve(dollars).release()
    except budget.Exhausted:
        return False
    return True


class TestOneCall:
    def test_its_real_cost_is_charged(self) -> None:
        with paying.call(ESTIMATE) as call:
            call.record(used(0.25))
        assert budget.spent() == pytest.approx(0.25, abs=1e-4)
        assert is_free(2.2)

    def test_a_call_that_fails_costs_nothing(self) -> None:
        with pytest.raises(EngineError), paying.call(ESTIMATE):
            raise EngineError("busy")
        assert budget.spent() == 0
        assert is_free(2.4)

    @pytest.mark.parametrize("left", [asyncio.CancelledError, GeneratorExit])
    def test_a_call_that_is_left_costs_the_estimate(self, left: type[BaseException]) -> None:
        with pytest.raises(left), paying.call(ESTIMATE):
            raise left
        assert budget.spent() == pytest.approx(DOLLAR, abs=1e-4)

    def test_a_call_that_was_counted_before_it_is_left_costs_what_was_counted(self) -> None:
        def pieces() -> Iterator[bytes]:
            with paying.call(ESTIMATE) as call:
                call.record(used(0.5))
                yield b""

        speech = pieces()
        next(speech)
        speech.close()  # type: ignore[attr-defined]  # a generator
        assert budget.spent() == pytest.approx(0.5, abs=1e-4)

    @pytest.mark.parametrize("count", [float("inf"), float("nan"), -5, "many", None])
    def test_invalid_counts_do_not_spoil_the_sum(self, count: Any) -> None:
        with paying.call(ESTIMATE) as call:
            call.record(Used("chat", "tts-1", characters=count))
        assert budget.spent() == pytest.approx(DOLLAR, abs=1e-4)

    def test_a_call_of_a_model_without_a_price_is_not_counted(self) -> None:
        with paying.call(Used("chat", "of our own", text_in=10**9)) as call:
            call.record(Used("chat", "of our own", text_in=10**9))
        assert budget.spent() == 0

    def test_beyond_the_limit_it_is_not_begun(self) -> None:
        with paying.call(ESTIMATE), paying.call(ESTIMATE):
            third = paying.call(ESTIMATE)
            with pytest.raises(EnoughForToday, match="enough for today"):
                third.__enter__()


class TestTheDeposit:
    """A turn with the default model costs about 4 cents at most."""

    LINES = [Line("user", "I come from Hanoi.")]

    def test_it_is_kept_for_the_next_turn(self, settings: Any) -> None:
        settings.DAILY_SPENDING_LIMIT = 0.1
        deposits = [Deposit("Be kind.") for _ in range(3)]
        first, second, third = [each.renew(self.LINES, 3.0) for each in deposits]
        assert first is second is None
        assert isinstance(third, EnoughForToday)

    def test_a_long_talk_costs_more_a_turn(self, settings: Any) -> None:
        settings.DAILY_SPENDING_LIMIT = 0.1
        deposit = Deposit("Be kind.")
        assert deposit.renew(self.LINES, 3.0) is None
        deposit.charge(Used("realtime", "gpt-realtime-2.1-mini", audio_in=5000, audio_out=500))
        assert isinstance(deposit.renew(self.LINES, 3.0), EnoughForToday)

    def test_a_transcription_counted_in_tokens_is_charged_by_the_minute(self) -> None:
        deposit = Deposit("Be kind.")
        deposit.renew(self.LINES, 120.0)
        deposit.charge(Used("transcription", "gpt-transcribe", audio_in=1200, text_out=90))
        assert budget.spent() == pytest.approx(0.012)

    def test_an_answer_that_may_go_on_is_charged(self) -> None:
        deposit = Deposit("Be kind.")
        deposit.renew(self.LINES, 3.0)
        deposit.release(abandoned=True)
        assert 0.02 < budget.spent() < 0.06
        other = Deposit("Be kind.")
        other.renew(self.LINES, 3.0)
        other.release()
        assert budget.spent() < 0.06
