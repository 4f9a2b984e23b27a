"""Verify checks OpenAI, or a compatible server, in a healthy state and with each problem."""

import json
import subprocess
import time
from dataclasses import replace
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import engines
from core.findings import CheckState
from engines.interface import LANGUAGE_MODELS
from engines.openai import endpoints, verify_checks
from engines.openai.endpoints import Stage
from engines.openai.openai_declaration import stages_in_use
from migration import checks
from migration.checks import runner
from migration.checks.runner import Result
from simulators.openai import Provider
from tests.fixtures import PROVIDER_KEY
from tests.servers import AgentServer

NAMES = ("realtime", "transcription", "chat", "speech")
SECRET = "sk-a-secret-that-nobody-may-read"
MODELS = "/v1/models"
TODAY = date(2026, 11, 22)
CHAT, CHATS_END = "model for chat", "end of the model for chat"


def asked(used: list[Stage] | None = None, today: date = TODAY) -> dict[str, Result]:
    """Run the checks with a minute for each, because only the findings matter here."""
    checks = verify_checks.probes(stages_in_use() if used is None else used, today)
    return {each.name: each for each in runner.run([replace(probe, timeout=60) for probe in checks], within=60)}


def names(results: dict[str, Result], state: CheckState) -> set[str]:
    return {name for name, result in results.items() if result.state == state}


def changed(settings: Any, stage: str, **how: str) -> None:
    settings.OPENAI = settings.OPENAI | {stage: settings.OPENAI[stage] | how}


def all_with(settings: Any, **how: str) -> None:
    for stage in NAMES:
        changed(settings, stage, **how)


def alone(settings: Any, stage: str, **how: str) -> list[Stage]:
    return [Stage(stage, **(settings.OPENAI[stage] | how))]


@pytest.fixture
def openais(openai_configured: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Let the simulated provider pass for OpenAI itself."""
    monkeypatch.setattr(endpoints, "OPENAI_HOST", "127.0.0.1")
    return openai_configured


# Healthy


def test_a_provider_with_all_models_passes(openai_configured: Provider) -> None:
    results = asked()
    assert names(results, CheckState.OK) == set(results)
    assert {f"model for {name}" for name in NAMES} < set(results)


def test_each_address_and_key_is_asked_once(openai_configured: Provider) -> None:
    asked()
    assert len(openai_configured.log(MODELS)) == 1


def test_a_model_that_exists_but_is_not_listed_passes(openai_configured: Provider) -> None:
    """Verify asks for a model by its name if the list lacks it."""
    server = answering({"/v1/models": {"data": []}, "/v1/models/mine": {"id": "mine"}})
    with server as url:
        results = asked([Stage("chat", url, "key", "mine")])
    assert results[CHAT].state == CheckState.OK
    assert "though it does not list it" in results[CHAT].found


# With a problem


def test_a_wrong_key_fails_one_check_and_is_not_quoted(openai_configured: Provider, settings: Any) -> None:
    all_with(settings, key=SECRET)
    results = asked()
    assert names(results, CheckState.FAILED) == {"key"}
    assert "refuses the key (401)" in results["key"].found
    assert "OPENAI_API_KEY" in results["key"].advice
    assert SECRET not in str(results)


def test_a_check_that_needs_the_key_names_its_check(openai_configured: Provider, settings: Any) -> None:
    all_with(settings, key=SECRET)
    assert asked()[CHAT].advice == "Put “key” right first."


def test_a_missing_key_fails(openai_configured: Provider, settings: Any) -> None:
    all_with(settings, key="")
    assert "there is none" in asked(alone(settings, "chat"))["key"].found


def test_an_invalid_key_fails_and_is_not_quoted(openai_configured: Provider, settings: Any) -> None:
    results = asked(alone(settings, "chat", key=f"“{SECRET}”"))
    assert names(results, CheckState.FAILED) == {"key"}
    assert SECRET not in str(results)


def test_a_stages_own_key_is_named_by_its_own_setting(openai_configured: Provider, settings: Any) -> None:
    changed(settings, "chat", key=SECRET)
    results = asked()
    assert names(results, CheckState.FAILED) == {"key for chat"}
    assert "OPENAI_CHAT_KEY" in results["key for chat"].advice
    assert results["key for realtime and transcription and speech"].state == CheckState.OK


def test_a_missing_model_fails_one_check(openai_configured: Provider) -> None:
    openai_configured.configure(missing_models=["gpt-5.4-mini"])
    results = asked()
    assert names(results, CheckState.FAILED) == {CHAT}
    assert "OPENAI_CHAT_MODEL" in results[CHAT].advice


def test_an_unlisted_model_of_another_server_is_a_warning() -> None:
    with answering({"/v1/models": {"data": []}}) as url:
        assert asked([Stage("chat", url, "", "mine")])[CHAT].state == CheckState.WARNING


def test_a_failing_provider_fails_one_check(openai_configured: Provider) -> None:
    openai_configured.fail(MODELS, "500", times=None)
    results = asked()
    assert names(results, CheckState.FAILED) == {"key"}
    assert "fails (500)" in results["key"].found


@pytest.mark.parametrize(
    ("kind", "code", "state", "word"),
    [
        ("403", None, CheckState.WARNING, "403"),
        ("404", None, CheckState.WARNING, "does not say which models"),
        ("429", None, CheckState.WARNING, "too many requests"),
        ("429", "insufficient_quota", CheckState.FAILED, "no quota left"),
        ("400", None, CheckState.FAILED, "not of OpenAI's protocol (400)"),
        ("cut", None, CheckState.FAILED, "cannot be asked"),
        ("malformed", None, CheckState.FAILED, "not of OpenAI's protocol (200)"),
    ],
)
def test_each_refusal_is_reported_without_the_providers_words(
    kind: str, code: str | None, state: CheckState, word: str, openai_configured: Provider
) -> None:
    openai_configured.fail(MODELS, kind, times=None, **({"code": code} if code else {}))
    found = asked()["key"]
    assert found.state == state
    assert word in found.found


@pytest.mark.parametrize("how", [{"kind": "silence"}, {"kind": "slow", "delay_ms": 120_000}])
def test_a_provider_that_hangs_takes_five_seconds_at_most(how: dict[str, Any], openai_configured: Provider) -> None:
    openai_configured.fail("/v1/*", times=None, **how)
    began = time.monotonic()
    results = {each.name: each for each in runner.run(verify_checks.probes(stages_in_use(), TODAY))}
    # The provider would take 120 s. A loaded machine needs some seconds.
    assert time.monotonic() - began < 30
    assert names(results, CheckState.FAILED) == {"key"}
    assert "does not answer in time" in results["key"].found


def test_the_second_request_for_a_model_does_not_hang(openai_configured: Provider, settings: Any) -> None:
    openai_configured.fail("/v1/models/*", "silence", times=None)
    changed(settings, "chat", model="mine")
    began = time.monotonic()
    found = {each.name: each for each in runner.run(verify_checks.probes(stages_in_use(), TODAY))}
    assert found[CHAT].state == CheckState.WARNING
    # The server is silent for ever. A loaded machine needs some seconds.
    assert time.monotonic() - began < 30


def test_an_unreachable_server_fails_one_check(settings: Any) -> None:
    results = asked([Stage("chat", "http://127.0.0.1:9/v1", SECRET, "mine")])
    assert names(results, CheckState.FAILED) == {"key"}
    assert "127.0.0.1:9 cannot be reached" in results["key"].found
    assert "OPENAI_CHAT_URL" in results["key"].advice


def test_a_user_and_a_password_in_an_address_are_not_quoted() -> None:
    results = asked([Stage("chat", f"http://me:{SECRET}@127.0.0.1:9/v1", "key", "mine")])
    assert SECRET not in str(results)


def test_an_invalid_address_fails() -> None:
    results = asked([Stage("chat", f"localhost:{SECRET}", "key", "mine")])
    assert "OPENAI_CHAT_URL is not an address" in results["key"].found
    assert SECRET not in str(results)


# Models and their ends


@pytest.mark.parametrize(
    ("left", "state", "word"),
    [
        (91, CheckState.OK, "is shut down on 2026-12-11"),
        (90, CheckState.WARNING, "is shut down on 2026-12-11, in 90 days"),
        (1, CheckState.WARNING, "in 1 day."),
        (0, CheckState.FAILED, "was shut down on 2026-12-11"),
        (-400, CheckState.FAILED, "was shut down on 2026-12-11"),
    ],
)
def test_an_announced_end_is_a_warning_for_ninety_days(
    left: int, state: CheckState, word: str, openais: Provider, settings: Any
) -> None:
    changed(settings, "chat", model="gpt-5-mini")
    found = asked(today=date(2026, 12, 11) - timedelta(left))[CHATS_END]
    assert found.state == state
    assert word in found.found


def test_the_successor_is_named(openais: Provider, settings: Any) -> None:
    changed(settings, "chat", model="gpt-5-mini")
    assert "OPENAI_CHAT_MODEL=gpt-5.4-mini" in asked()[CHATS_END].advice


def test_an_end_date_is_known_despite_a_refused_key(openais: Provider, settings: Any) -> None:
    all_with(settings, key=SECRET)
    changed(settings, "chat", model="gpt-5-mini")
    assert asked()[CHATS_END].state == CheckState.WARNING


def test_a_model_of_the_same_name_on_another_server_has_no_end_date(openai_configured: Provider, settings: Any) -> None:
    changed(settings, "chat", model="gpt-5-mini")
    assert asked()[CHATS_END].found == "No end of gpt-5-mini is announced."


@pytest.mark.parametrize("said", ["2026-12-31", "2026-12-31T00:00:00Z"])
def test_an_end_date_of_the_server_itself_counts(said: str) -> None:
    with answering({"/v1/models": {"data": [{"id": "mine", "shutdown_date": said}]}}) as url:
        found = asked([Stage("chat", url, "", "mine")])[CHATS_END]
    assert (found.state, found.found) == (CheckState.WARNING, "mine is shut down on 2026-12-31, in 39 days.")


@pytest.mark.parametrize("said", [None, "", "soon", 7])
def test_an_invalid_end_date_is_ignored(said: Any) -> None:
    with answering({"/v1/models": {"data": [{"id": "mine", "shutdown_date": said}]}}) as url:
        assert asked([Stage("chat", url, "", "mine")])[CHATS_END].state == CheckState.OK


# The servers that are checked


def test_without_key_and_server_there_is_one_check() -> None:
    (probe,) = engines.verify_checks()
    (result,) = runner.run([probe])
    assert result.state == CheckState.NOT_CONFIGURED
    assert "OPENAI_API_KEY" in result.advice


def test_with_the_embedded_engine_chosen_no_server_is_asked(openai_configured: Provider, settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"
    (result,) = runner.run(engines.verify_checks())
    assert result.state == CheckState.NOT_CONFIGURED
    assert not openai_configured.log(MODELS)


def test_a_pipeline_is_not_asked_for_the_realtime_model(openai_configured: Provider, settings: Any) -> None:
    settings.TUTOR_ENGINE = "openai_pipeline"
    openai_configured.configure(missing_models=[settings.OPENAI["realtime"]["model"]])
    changed(settings, "speech", model="tts-1")
    assert names(asked(), CheckState.FAILED) == set()


# All checks together


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
def test_a_failure_is_in_the_report(openai_configured: Provider) -> None:
    openai_configured.configure(missing_models=["gpt-transcribe"])
    report = checks.report(checks.verify())
    failed = [check["name"] for check in report["checks"] if check["state"] == "failed"]
    assert "model for transcription" in failed
    assert report["isValid"] is False


def test_the_command_checks_the_provider(provider: Provider, tmp_path: Path) -> None:
    agent = AgentServer(tmp_path / "agent", OPENAI_BASE_URL=provider.url, OPENAI_API_KEY=PROVIDER_KEY)
    agent.manage("migrate", "-v0")
    checks = json.loads(agent.manage("storage", "verify", "--json"))["checks"]
    states = {check["name"]: check["state"] for check in checks if check["group"] == LANGUAGE_MODELS}
    assert set(states.values()) == {"ok"}
    assert "key" in states


def test_the_command_does_not_print_the_key(provider: Provider, tmp_path: Path) -> None:
    agent = AgentServer(tmp_path / "agent", OPENAI_BASE_URL=provider.url, OPENAI_API_KEY=SECRET)
    agent.manage("migrate", "-v0")
    with pytest.raises(subprocess.CalledProcessError) as error:
        agent.manage("storage", "verify")
    assert "✗ failed          key" in error.value.stdout
    assert SECRET not in error.value.stdout + error.value.stderr


class answering:
    """Run a server with an answer for each of these paths, and 404 for all others. Enter to get its address."""

    def __init__(self, answers: dict[str, Any]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = json.dumps(answers.get(self.path, {"detail": "Not Found"})).encode()
                self.send_response(200 if self.path in answers else 404)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
