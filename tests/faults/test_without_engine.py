"""The server works without the packages of the embedded engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import AgentServer
from tests.talking import new_learner, spoken, talking


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """Run a server that cannot import these packages."""
    missing: Path = tmp_path_factory.mktemp("missing")
    for name in ("faster_whisper", "piper", "harper", "onnxruntime"):
        (missing / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})")
    server = AgentServer(tmp_path_factory.mktemp("server"), PYTHONPATH=str(missing))
    server.set_up()
    server.start()
    yield server
    server.kill()


async def test_the_talk_says_what_to_install_and_keeps_the_turn(server: AgentServer):
    async with talking(server.url, "mute", new_learner(server.url)) as talker:
        await talker.set_up()
        await talker.say(spoken("learner_london"), at_speaking_speed=False)
        await talker.commit()
        _, saved = await talker.wait_for("talk.saved")
        assert saved["duration"] == pytest.approx(2.2, abs=0.1)
        assert "pip install -r requirements-local.txt" in talker.events("talk.notice")[0]["message"]
        # It is "failed" if the answer had begun before the engine reported that it is missing.
        assert talker.events("response.done")[0]["response"]["status"] in ("incomplete", "failed")


async def test_hands_free_is_refused_with_the_reason(server: AgentServer):
    async with talking(server.url, "hands", new_learner(server.url)) as talker:
        await talker.send("session.update", session={"audio": {"input": {"turn_detection": {"type": "server_vad"}}}})
        _, error = await talker.wait_for(
            "error", where=lambda event: event["error"]["code"] == "hands_free_not_available"
        )
        assert error["error"]["param"] == "session.audio.input.turn_detection"
