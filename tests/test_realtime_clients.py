"""Clients of OpenAI's Realtime API understand every event, and each of their requests is applied or refused."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from typing import Any, get_args

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from openai.types.realtime import RealtimeServerEvent

from talk.audio_formats import PCMA, PCMU, AudioFormat, Decoder, Encoder
from tests.servers import AgentServer
from tests.talking import Event, Talker, new_learner, silence, spoken, talking

LONDON = spoken("learner_london")
EVENTS = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(RealtimeServerEvent)[0])
}
HANDS_FREE = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}


def check(events: list[Event]) -> None:
    """Check that the official client knows every event, with all its fields."""
    for event in events:
        EVENTS[event["type"]].model_validate(event)


def message(text: str = "She have a car.", **fields: Any) -> Event:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]} | fields


async def update(talker: Talker, session: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Send an update. Return the session in force afterwards, and the errors."""
    before = len(talker.heard)
    await talker.send("session.update", session=session)
    _, updated = await talker.wait_for("session.updated", after=before)
    return updated["session"], [event["error"] for event in talker.events("error", after=before)]


async def refusal(talker: Talker, kind: str, **fields: Any) -> dict[str, Any]:
    before = len(talker.heard)
    await talker.send(kind, event_id="mine", **fields)
    _, error = await talker.wait_for("error", after=before)
    assert error["error"]["event_id"] == "mine"
    return dict(error["error"])


class TestAgentsSDK:
    async def test_typed_and_spoken_turns_cause_no_error(self, server: AgentServer):
        config: Any = {
            "url": f"{server.url.replace('http', 'ws', 1)}/v1/realtime?conversation=agents",
            "headers": {"Cookie": new_learner(server.url)},
            "api_key": "-",
        }
        runner = RealtimeRunner(starting_agent=RealtimeAgent(name="Partner", instructions="Talk with me."))
        seen: list[Any] = []
        async with await runner.run(model_config=config) as session:
            reader = asyncio.create_task(self.read(session, seen))
            await session.send_message("I live in Hanoi with my family.")
            await self.until(lambda: self.kinds(seen).count("agent_end") == 1)
            for start in range(0, len(LONDON), 9600):
                await session.send_audio(LONDON[start : start + 9600])
            await session.send_audio(silence(3))
            await self.until(lambda: self.kinds(seen).count("agent_end") == 2)
            # The transcript is requested after the answer has begun, and is ready by then.
            await self.until(lambda: "London" in self.heard(seen))
            reader.cancel()
        assert [event for event in seen if event.type == "error"] == []
        assert "audio" in self.kinds(seen)

    async def read(self, session: Any, seen: list[Any]) -> None:
        async for event in session:
            seen.append(event)

    def kinds(self, seen: list[Any]) -> list[str]:
        return [event.type for event in seen]

    def heard(self, seen: list[Any]) -> str:
        raw = [
            event.data.data
            for event in seen
            if event.type == "raw_model_event" and event.data.type == "raw_server_event"
        ]
        return " ".join(str(event.get("transcript")) for event in raw if "transcription.completed" in event["type"])

    async def until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not there():
                await asyncio.sleep(0.05)


async def test_the_official_client_knows_every_event(server: AgentServer):
    async with talking(server.url, "known", new_learner(server.url)) as talker:
        await update(talker, {"type": "realtime", "tools": [{}]})
        await talker.send("response.create")
        _, done = await talker.wait_for("response.done")
        item = done["response"]["output"][0]["id"]
        await talker.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=900)
        await talker.wait_for("conversation.item.truncated")
        await talker.send("conversation.item.create", item=message())
        await talker.send("response.create", response={"output_modalities": ["text"]})
        await talker.wait_for("response.done", count=2)
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.commit()
        await talker.wait_for("response.done", count=3)
        await talker.say(silence(1), at_speaking_speed=False)
        await talker.commit()
        await talker.wait_for("response.done", count=4)
        await talker.send("input_audio_buffer.clear")
        await talker.send("conversation.item.retrieve", item_id=item)
        await talker.wait_for("conversation.item.retrieved")
        await talker.send("no.such.event")
        await talker.wait_for("error", count=2)
        check(talker.events())


async def test_a_client_requests_talk_events_by_sending_one(server: AgentServer):
    async with talking(server.url, "asks", new_learner(server.url)) as talker:
        await talker.send("talk.hint")
        _, hint = await talker.wait_for("talk.hint")
        assert hint["text"]


class TestSessionUpdate:
    @pytest.mark.parametrize(
        ("session", "params", "in_force"),
        [
            (
                {"audio": {"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": "audio/pcma"}}}},
                [],
                {"audio.input.format": {"type": "audio/pcma"}, "audio.output.format": {"type": "audio/pcma"}},
            ),
            (
                {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}, "output": {"speed": 0.8}}},
                ["session.audio.input.format"],
                {"audio.input.format": {"type": "audio/pcm", "rate": 24000}, "audio.output.speed": 0.8},
            ),
            ({"output_modalities": ["text", "audio"]}, ["session.output_modalities"], {"output_modalities": ["audio"]}),
            ({"output_modalities": ["text"]}, [], {"output_modalities": ["text"]}),
            (
                {"tools": [{"type": "function", "name": "look_up"}], "tool_choice": "required"},
                ["session.tools", "session.tool_choice"],
                {},
            ),
            ({"instructions": "You are a waiter in a small restaurant."}, [], {}),
            (
                {"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}}},
                [],
                {"audio.input.turn_detection.interrupt_response": False},
            ),
            (
                {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}},
                [],
                {
                    "audio.input.turn_detection.type": "server_vad",
                    "audio.input.turn_detection.interrupt_response": True,
                },
            ),
            (
                {
                    "audio": {
                        "input": {
                            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 300}
                        },
                        "output": {"speed": 0.8},
                    }
                },
                [],
                {"audio.input.turn_detection.silence_duration_ms": 400, "audio.output.speed": 0.8},
            ),
            (
                {"audio": {"input": {"turn_detection": {"type": "server_vad"}}, "output": {"speed": 1.5}}},
                [],
                {"audio.input.turn_detection.type": "server_vad", "audio.output.speed": 1.2},
            ),
            (
                {
                    "audio": {"input": {"turn_detection": {"type": "server_vad"}}},
                    "talk": {"level": "C1", "scenario": "x"},
                },
                ["session.talk.scenario"],
                {"audio.input.turn_detection.type": "server_vad", "talk.level": "C1"},
            ),
        ],
    )
    async def test_each_field_is_applied_or_refused(
        self, server: AgentServer, session: Any, params: list[str], in_force: dict[str, Any]
    ):
        async with talking(server.url, "fields", new_learner(server.url)) as talker:
            shown, errors = await update(talker, session)
            assert [error["param"] for error in errors] == params
            for path, value in in_force.items():
                found: Any = shown
                for name in path.split("."):
                    found = found[name]
                assert found == value, path

    @pytest.mark.parametrize("form", [PCMU, PCMA])
    async def test_g711_works_in_both_directions(self, server: AgentServer, form: AudioFormat):
        async with talking(server.url, f"telephone-{form.type[-1]}", new_learner(server.url)) as talker:
            both = {"format": form.shape()}
            await update(talker, {"audio": {"input": both, "output": both}, "talk": {"scenario": "travel"}})
            encoder = Encoder(form)
            await talker.say(encoder.feed(LONDON) + encoder.flush(), at_speaking_speed=False)
            await talker.commit()
            await talker.wait_for("talk.saved", count=2)
            heard = talker.events("conversation.item.input_audio_transcription.completed")[0]["transcript"]
            assert "London" in heard
            (saved,) = [each for each in talker.events("talk.saved") if each["role"] == "assistant"]
            voice = b"".join(Decoder(form).pieces(talker.voice()))
            assert len(voice) / 48_000 == pytest.approx(saved["duration"], abs=0.1)
            assert max(voice) > 0

    async def test_a_text_answer_has_no_audio(self, server: AgentServer):
        async with talking(server.url, "text", new_learner(server.url)) as talker:
            await update(talker, {"output_modalities": ["text"]})
            await talker.send("conversation.item.create", item=message("I live in Hanoi."))
            await talker.send("response.create")
            _, done = await talker.wait_for("response.done")
            (part,) = done["response"]["output"][0]["content"]
            assert part["type"] == "output_text"
            assert part["text"] == "".join(event["delta"] for event in talker.events("response.output_text.delta"))
            assert part["text"] == talker.events("response.output_text.done")[0]["text"]
            assert not talker.events("response.output_audio")
            check(talker.events())

    async def test_a_turn_is_answered_on_request(self, server: AgentServer):
        async with talking(server.url, "unasked", new_learner(server.url)) as talker:
            detection = HANDS_FREE["turn_detection"] | {"create_response": False}
            await update(talker, {"audio": {"input": {"turn_detection": detection}}})
            for turn in (1, 2):
                await talker.say(LONDON + silence(1.2), at_speaking_speed=False)
                await talker.wait_for("conversation.item.input_audio_transcription.completed", count=turn)
            assert not talker.events("response.")
            await talker.send("response.create")
            await talker.wait_for("response.done")
            assert talker.voice()
            assert len(talker.events("response.created")) == 1

    async def test_a_voice_does_not_stop_the_agent_without_interrupt_response(self, server: AgentServer):
        async with talking(server.url, "undisturbed", new_learner(server.url)) as talker:
            detection = HANDS_FREE["turn_detection"] | {"interrupt_response": False}
            await update(talker, {"audio": {"input": {"turn_detection": detection}}})
            await talker.send("response.create")
            await talker.wait_for("response.created")
            await talker.say(LONDON + silence(1.2), at_speaking_speed=False)
            await talker.wait_for("response.done", count=2)
            assert [event["response"]["status"] for event in talker.events("response.done")] == ["completed"] * 2
            answered = [event["item"]["role"] for event in talker.events("conversation.item.added")]
            assert answered == ["assistant", "user", "assistant"]


class TestItems:
    @pytest.mark.parametrize(
        ("item", "param"),
        [
            ("hello", "item"),
            (
                {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]},
                "item.content[0]",
            ),
            (message() | {"role": "system"}, "item.role"),
            (message() | {"role": "assistant"}, "item.role"),
            ({"type": "function_call_output", "call_id": "c", "output": "{}"}, "item.type"),
            ({"type": "function_call", "name": "look_up", "arguments": "{}"}, "item.type"),
            (message() | {"content": "Hello."}, "item.content"),
            (message() | {"content": []}, "item.content"),
            (message() | {"content": [{"type": "input_text"}]}, "item.content[0].text"),
            (message() | {"content": [{"type": "input_text", "text": "x" * 2001}]}, "item.content[0].text"),
            (
                message()
                | {"content": [{"type": "input_text", "text": "Look."}, {"type": "input_image", "image_url": "data:"}]},
                "item.content[1].type",
            ),
            (message(id="a b"), "item.id"),
        ],
    )
    async def test_an_invalid_item_is_refused_with_the_name_of_its_field(
        self, server: AgentServer, item: Any, param: str
    ):
        async with talking(server.url, "odd", new_learner(server.url)) as talker:
            error = await refusal(talker, "conversation.item.create", item=item)
            assert error["param"] == param
            if param == "item.content[0]":
                assert "input_audio_buffer.append" in error["message"]
            await talker.set_up()

    async def test_several_texts_of_an_item_are_one_turn(self, server: AgentServer):
        async with talking(server.url, "several", new_learner(server.url)) as talker:
            parts = [{"type": "input_text", "text": text} for text in ("I live", "in Hanoi.")]
            await talker.send("conversation.item.create", item=message(id="user-1") | {"content": parts})
            _, added = await talker.wait_for("conversation.item.added")
            assert added["item"]["content"] == [{"type": "input_text", "text": "I live in Hanoi."}]

    async def test_an_item_can_be_added_only_at_the_end(self, server: AgentServer):
        async with talking(server.url, "place", new_learner(server.url)) as talker:
            for previous in ("root", "user-1"):
                number = len(talker.events("conversation.item.added")) + 1
                item = message(id=f"user-{number}")
                await talker.send("conversation.item.create", item=item, previous_item_id=previous)
                await talker.wait_for("conversation.item.added", count=number)
            elsewhere: list[Any] = ["root", "user-1", "nowhere", 7]
            for place in elsewhere:
                error = await refusal(talker, "conversation.item.create", item=message(), previous_item_id=place)
                assert error["param"] == "previous_item_id"

    async def test_a_retrieved_item_has_its_present_content(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "shown", cookie) as talker:
            await talker.set_up()
            events = await talker.turn(LONDON)
            heard = next(each["transcript"] for each in events if each["type"].endswith("transcription.completed"))
            ids = [event["item"]["id"] for event in events if event["type"] == "conversation.item.added"]
            await talker.send("conversation.item.truncate", item_id=ids[1], content_index=0, audio_end_ms=0)
            await talker.wait_for("conversation.item.truncated")
            for item in ids:
                await talker.send("conversation.item.retrieve", item_id=item)
            await talker.wait_for("conversation.item.retrieved", count=2)
            user, agent = [event["item"] for event in talker.events("conversation.item.retrieved")]
            assert user["content"] == [{"type": "input_audio", "transcript": heard}]
            assert agent["content"][0]["transcript"] == ""
            error = await refusal(talker, "conversation.item.retrieve", item_id="nowhere")
            assert (error["code"], error["param"]) == ("item_not_found", "item_id")
        async with talking(server.url, "shown", cookie) as talker:
            await talker.send("conversation.item.retrieve", item_id=ids[0])
            _, again = await talker.wait_for("conversation.item.retrieved")
            assert again["item"] == user

    @pytest.mark.parametrize("kind", ["conversation.item.delete", "output_audio_buffer.clear"])
    async def test_an_unsupported_event_is_answered_with_its_own_code(self, server: AgentServer, kind: str):
        async with talking(server.url, "unfollowed", new_learner(server.url)) as talker:
            assert (await refusal(talker, kind, item_id="user-1"))["code"] == "not_supported"

    async def test_a_response_with_a_refused_field_is_not_made(self, server: AgentServer):
        async with talking(server.url, "apart", new_learner(server.url)) as talker:
            error = await refusal(talker, "response.create", response={"conversation": "none"})
            assert error["param"] == "response.conversation"
            await talker.set_up()
            assert not talker.events("response.")


class TestNotices:
    async def test_a_client_without_talk_events_learns_that_another_took_over(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "taken", cookie) as first, talking(server.url, "taken", cookie):
            assert await first.closed() == 4001
            (error,) = first.events("error")
            assert (error["error"]["code"], error["error"]["type"]) == ("taken_over", "server_error")
            check(first.events())

    async def test_a_client_without_talk_events_learns_that_the_conversation_was_deleted(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "gone", cookie) as talker:
            await talker.send("conversation.item.create", item=message())
            await talker.send("response.create")
            await talker.wait_for("response.done")
            request = urllib.request.Request(
                f"{server.url}/api/conversations/gone", headers={"Cookie": cookie}, method="DELETE"
            )
            while not json.load(urllib.request.urlopen(request))["message"].startswith("The conversation"):
                # It is saved beside the talk.
                await asyncio.sleep(0.1)
            await talker.send("conversation.item.create", item=message())
            assert await talker.closed() == 4004
            assert talker.events("error")[0]["error"]["code"] == "deleted"


async def test_links_are_absolute(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "links", cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        saved = talker.events("talk.saved")
    for each in saved:
        assert each["audioUrl"].startswith(f"{server.url}/api/audio/file/")
        with urllib.request.urlopen(each["audioUrl"]) as answer:
            assert len(answer.read()) > 1000
