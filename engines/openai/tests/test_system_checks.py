"""The checks report conflicting settings of OpenAI, and are silent about consistent ones."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engines.openai import checks
from engines.openai.openai_declaration import stages_in_use
from talking_agent.checks import engine_settings, prices
from talking_agent.tests.processes import manage
from tests.servers import AgentServer

OPENAI, LOCAL = "https://api.openai.com/v1", "http://localhost:8880/v1"
STAGES = ("realtime", "transcription", "chat", "speech")
SECRET = "sk-a-secret-that-nobody-may-read"


@pytest.fixture(autouse=True)
def in_order(settings: Any) -> Any:
    """Configure only a key of OpenAI's. No model has an end date."""
    settings.TUTOR_ENGINE, settings.OPENAI_BASE_URL = "auto", ""
    all_with(settings, key="key")
    return settings


def all_with(settings: Any, **how: str) -> None:
    settings.OPENAI = {name: chosen | how for name, chosen in settings.OPENAI.items()}


def changed(settings: Any, stage: str, **how: str) -> None:
    settings.OPENAI = settings.OPENAI | {stage: settings.OPENAI[stage] | how}


def elsewhere(settings: Any) -> None:
    settings.OPENAI_BASE_URL = LOCAL
    all_with(settings, url=LOCAL)


def told() -> list[str]:
    return [message.id or "" for message in (*engine_settings(None), *prices(None))]


def words() -> str:
    return " ".join(f"{message.msg} {message.hint}" for message in (*engine_settings(None), *prices(None)))


def test_a_valid_configuration_is_not_reported() -> None:
    assert told() == []


def test_an_empty_configuration_is_valid(in_order: Any) -> None:
    all_with(in_order, key="")
    assert told() == []


# W001: models with an end

ENDING = {"realtime": "gpt-realtime", "transcription": "whisper-1", "chat": "gpt-5-mini", "speech": "tts-1"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_model_with_an_end_date_is_reported(stage: str, in_order: Any) -> None:
    changed(in_order, stage, model=ENDING[stage])
    assert told() == ["openai.W001"]
    assert f"OPENAI_{stage.upper()}_MODEL={ENDING[stage]}" in words()


def test_the_end_date_and_the_successor_are_named(in_order: Any) -> None:
    changed(in_order, "transcription", model="whisper-1")
    assert "2027-02-26" in words()
    assert "Write OPENAI_TRANSCRIPTION_MODEL=gpt-transcribe and restart." in words()


@pytest.mark.parametrize(
    ("today", "word"), [(date(2026, 12, 10), "OpenAI shuts"), (date(2026, 12, 11), "OpenAI has shut")]
)
def test_a_past_end_date_is_reported_as_past(today: date, word: str, in_order: Any) -> None:
    changed(in_order, "chat", model="gpt-5-mini")
    (message,) = checks.messages("openai_pipeline", stages_in_use(), stages_in_use(), today)
    assert f"{word} it down on 2026-12-11" in message.msg


def test_a_model_of_the_same_name_on_another_server_is_not_reported(in_order: Any) -> None:
    elsewhere(in_order)
    all_with(in_order, model="gpt-5-mini")
    assert told() == []


def test_the_model_of_an_unused_stage_is_not_reported(in_order: Any) -> None:
    in_order.TUTOR_ENGINE = "openai_pipeline"
    changed(in_order, "realtime", model="gpt-realtime")
    assert told() == []


@pytest.mark.parametrize("stage", STAGES)
def test_with_the_embedded_engine_no_model_is_reported(stage: str, in_order: Any) -> None:
    in_order.TUTOR_ENGINE = "local"
    changed(in_order, stage, model=ENDING[stage])
    assert told() == []


# E001: an engine without a server


@pytest.mark.parametrize("engine", ["openai_realtime", "openai_pipeline"])
def test_an_engine_without_key_and_server_is_reported(engine: str, in_order: Any) -> None:
    in_order.TUTOR_ENGINE = engine
    all_with(in_order, key="")
    assert told() == ["openai.E001"]
    assert "Set OPENAI_API_KEY, or OPENAI_BASE_URL" in words()


@pytest.mark.parametrize("engine", ["openai_realtime", "openai_pipeline"])
def test_an_engine_with_another_server_needs_no_key(engine: str, in_order: Any) -> None:
    in_order.TUTOR_ENGINE = engine
    elsewhere(in_order)
    all_with(in_order, key="", model="mine")
    assert told() == []


# E002, E003: invalid addresses and keys


@pytest.mark.parametrize(
    "url", ["localhost:8880", "ws://localhost/v1", "http://", "http://localhost:port", "http://a b/v1"]
)
def test_an_invalid_address_is_reported(url: str, in_order: Any) -> None:
    in_order.OPENAI_BASE_URL = url
    all_with(in_order, url=url)
    assert told() == ["openai.E002"]
    assert words().startswith("OPENAI_BASE_URL is not an address.")


def test_an_invalid_address_of_a_stage_is_named_but_not_quoted(in_order: Any) -> None:
    changed(in_order, "chat", url=f"localhost?{SECRET}")
    assert told() == ["openai.E002"]
    assert "OPENAI_CHAT_URL" in words()
    assert SECRET not in words()


def test_an_invalid_address_of_moderation_is_reported_unless_it_is_off(in_order: Any) -> None:
    changed(in_order, "moderation", url="localhost")
    assert told() == ["openai.E002"]
    assert "OPENAI_MODERATION_URL" in words()
    changed(in_order, "moderation", model="off")
    assert told() == []


@pytest.mark.parametrize("key", [f"“{SECRET}”", f"{SECRET}\n", f"{SECRET}…"])
def test_an_invalid_key_is_named_but_not_quoted(key: str, in_order: Any) -> None:
    all_with(in_order, key=key)
    assert told() == ["openai.E003"]
    assert "OPENAI_API_KEY" in words()
    assert SECRET not in words()


# W002: speech over the Realtime API of another server


def test_another_server_with_the_default_model_for_speech_is_reported(in_order: Any) -> None:
    elsewhere(in_order)
    assert told() == ["openai.W002"]
    assert "OPENAI_SPEECH_MODEL" in words()


def test_another_server_with_its_own_model_for_speech_is_not_reported(in_order: Any) -> None:
    elsewhere(in_order)
    changed(in_order, "speech", model="kokoro")
    assert told() == []


def test_a_server_chosen_for_its_realtime_api_is_not_reported(in_order: Any) -> None:
    elsewhere(in_order)
    in_order.TUTOR_ENGINE = "openai_realtime"
    assert told() == []


# W003: a pipeline with a stage that has no server


def test_a_stage_that_is_left_to_openai_without_a_key_is_reported(in_order: Any) -> None:
    all_with(in_order, key="")
    changed(in_order, "chat", url=LOCAL, model="mine")
    assert told() == ["openai.W003"]
    assert "transcription, speech would be asked of OpenAI, without a key" in words()


def test_a_stage_that_is_left_to_openai_with_a_key_is_not_reported(in_order: Any) -> None:
    changed(in_order, "chat", url=LOCAL, model="mine")
    assert told() == []


# E004: prices that cannot be read


def priced(settings: Any, path: Path, text: str) -> None:
    path.write_text(text)
    settings.PRICE_OPENAI = str(path)


def test_unreadable_prices_are_reported(in_order: Any, tmp_path: Path) -> None:
    priced(in_order, tmp_path / "prices.toml", '["gpt-transcribe"]\nminutes = 0.006\n')
    assert told() == ["openai.E004"]
    assert words() == (
        f"PRICE_OPENAI: {tmp_path}/prices.toml: 'minutes' of 'gpt-transcribe' is none of audio_in, audio_out, cached_in, "
        "characters, minute, text_in, text_out. Write a table for each model, as usage/prices.toml has them; or leave "
        "PRICE_OPENAI out, and that file holds."
    )


def test_a_folder_in_place_of_prices_is_reported(in_order: Any, tmp_path: Path) -> None:
    in_order.PRICE_OPENAI = str(tmp_path)
    assert told() == ["openai.E004"]


def test_a_valid_price_file_is_not_reported(in_order: Any, tmp_path: Path) -> None:
    priced(in_order, tmp_path / "prices.toml", '["mine"]\ntext_in = 0\ntext_out = 0.5\n')
    assert "openai.E004" not in told()


# In manage.py


def test_an_error_stops_a_command(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", TUTOR_ENGINE="openai_realtime")
    assert done.returncode == 1
    assert "openai.E001" in done.stderr


def test_a_warning_does_not_stop_a_command(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", OPENAI_API_KEY=SECRET, OPENAI_CHAT_MODEL="gpt-5-mini")
    assert done.returncode == 0
    assert "OPENAI_CHAT_MODEL=gpt-5-mini" in done.stderr
    assert SECRET not in done.stderr


def test_the_servers_log_has_the_warning_and_the_engine(tmp_path: Path) -> None:
    server = AgentServer(tmp_path / "agent", OPENAI_API_KEY=SECRET, OPENAI_CHAT_MODEL="gpt-5-mini")
    server.set_up()
    server.start()
    server.kill()
    log = server.log.read_text()
    assert "(openai.W001) OPENAI_CHAT_MODEL=gpt-5-mini" in log
    assert "The engine that talks: openai_realtime; when it fails: openai_pipeline, then local." in log
    assert SECRET not in log


# W004: models without a price


def test_a_model_of_openai_without_a_price_is_named(in_order: Any) -> None:
    changed(in_order, "chat", model="gpt-9-nano")
    assert told() == ["openai.W004"]
    assert "OPENAI_CHAT_MODEL=gpt-9-nano" in words()


def test_a_model_on_another_server_needs_no_price(in_order: Any) -> None:
    changed(in_order, "chat", model="qwen3:8b", url=LOCAL)
    assert told() == []
