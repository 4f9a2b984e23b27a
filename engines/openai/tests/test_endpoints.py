"""The settings determine the configured engines and their stages."""

from typing import Any

import pytest

import engines
from engines.openai.endpoints import Stage
from engines.openai.openai_declaration import stages_in_use

OPENAI, LOCAL = "https://api.openai.com/v1", "http://localhost:8880/v1"


def configured(settings: Any, *, base: str = "", key: str = "", **own: str) -> None:
    """Configure the stages. `own` holds the separate address of a stage."""
    settings.TUTOR_ENGINE, settings.OPENAI_BASE_URL = "auto", base
    settings.OPENAI = {
        name: {"url": own.get(name) or base or OPENAI, "key": key, "model": "m"} for name in settings.OPENAI
    }


def test_without_settings_the_embedded_engine_talks(settings: Any) -> None:
    configured(settings)
    assert engines.names() == ("local",)
    assert stages_in_use() == []


def test_with_a_key_the_other_engines_are_fallbacks_of_the_realtime_api(settings: Any) -> None:
    configured(settings, key="key")
    assert engines.names() == ("openai_realtime", "openai_pipeline", "local")


@pytest.mark.parametrize("how", [{"base": LOCAL}, {"chat": LOCAL}, {"key": "key", "chat": LOCAL}])
def test_with_another_server_the_pipeline_talks(how: dict[str, str], settings: Any) -> None:
    configured(settings, **how)
    assert engines.names() == ("openai_pipeline", "local")


def test_the_embedded_engine_is_the_fallback_of_a_chosen_one(settings: Any) -> None:
    configured(settings, key="key")
    settings.TUTOR_ENGINE = "openai_pipeline"
    assert engines.names() == ("openai_pipeline", "local")


def test_the_pipeline_uses_no_realtime_stage(settings: Any) -> None:
    configured(settings, base=LOCAL)
    assert {stage.name for stage in stages_in_use()} == {"transcription", "chat", "speech"}


def test_a_stage_names_its_settings(settings: Any) -> None:
    configured(settings, key="key", chat=LOCAL)
    own, shared = Stage("chat", LOCAL, "key", "m"), Stage("speech", OPENAI, "key", "m")
    assert (own.url_setting, own.key_setting) == ("OPENAI_CHAT_URL", "OPENAI_CHAT_KEY")
    assert (shared.url_setting, shared.key_setting) == ("OPENAI_BASE_URL", "OPENAI_API_KEY")


def test_a_host_has_neither_user_nor_password() -> None:
    assert Stage("chat", "https://me:secret@llm.example.org:8443/v1", "", "m").host == "llm.example.org:8443"
