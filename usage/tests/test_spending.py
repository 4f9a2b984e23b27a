"""The listed prices determine the cost of a provider's calls, and calls without a price have an unknown cost."""

import contextlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from prometheus_client import REGISTRY

from usage import metering, spending
from usage.metering import Used

PRICES = """
["talks"]
text_in = 1.0
audio_in = 10.0
cached_in = 0.1
text_out = 4.0
audio_out = 20.0
["hears"]
predecessor = "heard"
minute = 0.006
["speaks"]
characters = 15.0
["writes"]
text_in = 1.0
text_out = 2.0
"""


@pytest.fixture(autouse=True)
def _prices(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    settings.PRICE_OPENAI = str(path)


@pytest.mark.parametrize(
    ("call", "dollars"),
    [
        (Used("realtime", "talks", text_in=1000, audio_in=500, cached_in=2000, audio_out=100), 0.0082),
        (Used("transcription", "hears", seconds=30), 0.003),
        (Used("speech", "speaks", characters=200, seconds=12), 0.003),
        (Used("chat", "writes", text_in=1_000_000, text_out=500_000), 2.0),
    ],
)
def test_a_call_is_priced_by_the_unit_of_its_model(call: Used, dollars: float):
    assert spending.cost([call]) == pytest.approx(dollars)


@pytest.mark.parametrize(
    "call",
    [
        Used("chat", "a model of one's own", text_in=5),
        Used("chat", "writes", text_in=5, audio_out=5),
        Used("transcription", "hears", audio_in=200),
        Used("chat", "writes"),
    ],
    ids=["no such model", "a token without a price", "tokens of what is billed by the minute", "nothing was counted"],
)
def test_a_call_without_a_price_has_an_unknown_cost(call: Used):
    assert spending.cost([call]) is None


def test_one_unknown_price_leaves_the_sum_unknown():
    assert spending.cost([Used("transcription", "hears", seconds=60), Used("chat", "own", text_in=5)]) is None


def test_an_answer_of_the_embedded_engine_costs_nothing():
    assert spending.measured("local", [])["cost"] == 0


def test_a_provider_that_reports_no_usage_has_an_unknown_cost():
    assert spending.measured("openai_pipeline", [])["cost"] is None


def test_zero_fields_of_a_call_are_not_stored():
    kept = spending.measured("openai_pipeline", [Used("transcription", "hears", seconds=60)])
    assert kept["usage"] == [{"stage": "transcription", "model": "hears", "seconds": 60}]


def test_a_call_is_counted_though_the_request_fails():
    labels = {"engine": "counted", "stage": "transcription"}
    with contextlib.suppress(TimeoutError), spending.counted("counted"):
        metering.record(Used("transcription", "hears", seconds=90))
        raise TimeoutError
    assert REGISTRY.get_sample_value("talking_agent_provider_seconds_total", labels) == 90
    assert REGISTRY.get_sample_value("talking_agent_provider_dollars_total", labels) == pytest.approx(0.009)


def test_a_call_without_a_price_is_counted_as_one():
    spending.count("unpriced", [Used("chat", "own", text_in=5)])
    labels = {"engine": "unpriced", "stage": "chat"}
    assert REGISTRY.get_sample_value("talking_agent_provider_unpriced_total", labels) == 1
    assert REGISTRY.get_sample_value("talking_agent_provider_dollars_total", labels) is None


WRONG = [
    *(b"not = = toml", b'a = "b"', b'["m"]\nminute = "cheap"', b'["m"]\nhours = 1.0', b'["m"]\nminute = -1', b"\xff"),
    *(b'["m"]\nminute = inf', b'["m"]\nminute = nan', b'["m"]\nminute = true', b'["m"]\nminute = 1' + b"0" * 400),
    *(b'["m"]\nminute = 1' + b"0" * 5000, b"m = " + b"[" * 5000),
]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_an_invalid_price_file_is_named(settings: Any, tmp_path: Path, wrong: bytes):
    path = tmp_path / "wrong.toml"
    path.write_bytes(wrong)
    settings.PRICE_OPENAI = str(path)
    with pytest.raises(ImproperlyConfigured, match=r"PRICE_OPENAI: .*wrong\.toml"):
        spending.prices()


def test_the_default_models_have_a_price(settings: Any):
    settings.PRICE_OPENAI = ""
    assert {stage["model"] for stage in settings.OPENAI.values()} <= spending.prices().keys()


def test_prices_of_a_predecessor_are_marked(settings: Any):
    settings.PRICE_OPENAI = ""
    ours = tomllib.loads(spending.OURS.read_text())
    assert all(ours[model]["predecessor"] in ours for model in ("gpt-realtime-2.1", "gpt-transcribe"))


def test_an_invalid_figure_is_not_counted():
    with metering.collected() as used:
        metering.record(Used("chat", "odd", text_in=-5, text_out=7, seconds="3.2"))  # type: ignore[arg-type]
    assert (used[0].text_in, used[0].text_out, used[0].seconds) == (0, 7, 0)
