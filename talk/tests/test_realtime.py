"""The talk endpoint works over a real socket to the real server."""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
import websockets
from openai import AsyncOpenAI

from tests.servers import AgentServer
from tests.talking import bytes_before_voice, new_learner, silence, spoken, talking

LONDON = spoken("learner_london")
VOICE = LONDON[bytes_before_voice(LONDON) :]


def get(server: AgentServer, cookie: str, path: str) -> dict:
    request = urllib.request.Request(f"{server.url}/api/{path}", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def send(server: AgentServer, cookie: str, method: str, path: str) -> dict:
    request = urllib.request.Request(f"{server.url}/api/{path}", headers={"Cookie": cookie}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


async def test_the_official_client_holds_a_talk_of_three_turns(server: AgentServer):
    cookie = new_learner(server.url)
    client = AsyncOpenAI(api_key="-", base_url=f"{server.url}/v1", default_headers={"Cookie": cookie})
    async with client.realtime.connect(model="local", extra_query={"conversation": "official"}) as talk:

        async def events_until(kind: str, count: int = 1) -> list[dict]:
            came: list[dict] = []
            while sum(event["type"] == kind for event in came) < count:
                came.append((await talk.recv()).to_dict())
            return came

        session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}, "talk": {}}
        await talk.session.update(session=session)
        await events_until("session.updated")
        await talk.response.create()
        opening = await events_until("talk.saved")
        assert any(event["type"] == "response.output_audio.delta" for event in opening)
        corrected = []
        for clip in ("learner_london", "learner_family", "learner_canada"):
            pcm = spoken(clip)
            for start in range(0, len(pcm), 9600):
                await talk.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + 9600]).decode())
            await talk.input_audio_buffer.commit()
            await talk.response.create()
            came = await events_until("talk.saved", count=2)
            kinds = {event["type"] for event in came}
            assert {"response.output_audio.delta", "response.done"} <= kinds
            assert "conversation.item.input_audio_transcription.completed" in kinds
            corrected.append([event["corrections"] for event in came if event["type"] == "talk.correction"])
    assert corrected[0][0][0]["better"] == "went"
    assert {"lives"} <= {each["said"] for each in corrected[1][0]}
    assert corrected[2] == []
    messages = get(server, cookie, "conversations?id=official")["conversation"]["messages"]
    assert [message["role"] for message in messages] == ["assistant", *["user", "assistant"] * 3]
    assert all(message["audioUrl"] and message["audioDuration"] > 1 for message in messages)


async def test_the_agent_speaks_first_and_is_heard(server: AgentServer):
    async with talking(server.url, "opening", new_learner(server.url)) as talker:
        await talker.set_up(scenario="food", level="A2")
        await talker.send("response.create")
        await talker.wait_for("response.done")
        voice = talker.voice()
        assert max(voice) > 0
        assert len(voice) > 24_000


async def test_a_silent_learner_is_asked_again(server: AgentServer):
    async with talking(server.url, "silent", new_learner(server.url)) as talker:
        await talker.set_up(scenario="food", level="A2", hands_free=True)
        await talker.send("response.create")
        _, opened = await talker.wait_for("response.done")
        question = opened["response"]["output"][0]["content"][0]["transcript"].rsplit(". ")[-1]
        voiced = len(talker.voice())
        await talker.say(silence(voiced / 48_000 + 22), at_speaking_speed=False)
        _, done = await talker.wait_for("response.done", count=2)
        assert done["response"]["output"][0]["content"][0]["transcript"] == f"Take your time. {question}"
        assert len(talker.voice()) > voiced


async def test_a_stored_talk_is_continued(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "again", cookie) as talker:
        await talker.set_up(scenario="work", level="B2")
        answered = await talker.turn(LONDON)
        question = next(event for event in answered if event["type"] == "response.output_audio_transcript.done")
    async with talking(server.url, "again", cookie) as talker:
        talk = talker.heard[0][1]["session"]["talk"]
        assert (talk["scenario"], talk["level"], talk["turns"]) == ("work", "B2", 1)
        await talker.send("response.create")
        _, done = await talker.wait_for("response.done")
        again = done["response"]["output"][0]["content"][0]["transcript"]
        assert again != question["transcript"]
        assert again.endswith(question["transcript"].rsplit(". ")[-1])


async def test_silence_is_not_a_turn(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "silence", cookie) as talker:
        await talker.set_up()
        await talker.say(silence(2), at_speaking_speed=False)
        await talker.commit()
        _, failed = await talker.wait_for("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "nothing_heard"
        _, done = await talker.wait_for("response.done")
        assert done["response"]["status"] == "incomplete"
        assert not talker.voice()
    assert get(server, cookie, "conversations")["conversations"] == []


async def test_a_typed_turn_is_answered_and_corrected(server: AgentServer):
    async with talking(server.url, "typed", new_learner(server.url)) as talker:
        await talker.set_up()
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "She have a car."}]}
        await talker.send("conversation.item.create", item=item)
        await talker.send("response.create")
        await talker.wait_for("talk.saved", count=2)
        assert talker.events("talk.correction")[0]["corrections"][0]["said"] == "have"
        assert talker.voice()


async def test_a_commit_alone_is_transcribed_and_saved_but_not_answered(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "unanswered", cookie) as talker:
        await talker.set_up()
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.send("input_audio_buffer.commit")
        await talker.wait_for("talk.saved")
        assert not talker.events("response.created")
        await talker.send("response.create")
        await talker.wait_for("response.done")
        assert talker.voice()


async def test_the_silence_around_the_voice_is_not_kept(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "trimmed", cookie) as talker:
        await talker.set_up()
        await talker.turn(silence(2) + LONDON + silence(2))
    message = get(server, cookie, "conversations?id=trimmed")["conversation"]["messages"][0]
    assert message["audioDuration"] == pytest.approx(len(LONDON) / 48_000, abs=0.3)


async def test_a_talk_that_the_learner_ends_is_marked_as_ended(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "ended", cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        await talker.send("talk.end")
        # Turns are saved in order, so the earlier one is saved, too.
        await talker.turn(LONDON)
    assert get(server, cookie, "conversations?id=ended")["conversation"]["callEnded"] is True


async def test_an_ended_talk_can_be_continued(server: AgentServer):
    cookie = new_learner(server.url)
    async with talking(server.url, "after-the-end", cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        await talker.send("talk.end")
    async with talking(server.url, "after-the-end", cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        assert not talker.events("talk.ended")
    assert get(server, cookie, "conversations?id=after-the-end")["conversation"]["callEnded"] is False


class TestHandsFree:
    async def test_a_pause_ends_the_turn(self, server: AgentServer):
        async with talking(server.url, "free", new_learner(server.url)) as talker:
            await talker.set_up(level="C1", hands_free=True)
            await talker.say(silence(0.5) + LONDON + silence(1.6))
            await talker.wait_for("response.done")
            kinds = [event["type"] for event in talker.events("input_audio_buffer")]
            assert kinds == [f"input_audio_buffer.{step}" for step in ("speech_started", "speech_stopped", "committed")]

    async def test_the_pause_follows_the_level_until_it_is_set(self, server: AgentServer):
        async with talking(server.url, "pause", new_learner(server.url)) as talker:
            await talker.set_up(level="A1", hands_free=True)
            assert talker.events("session.updated")[-1]["session"]["talk"]["pause_ms"] == 1800
            await talker.set_up(level="A1", hands_free=True, silence_duration_ms=700)
            await talker.wait_for("session.updated", count=2)
            assert talker.events("session.updated")[-1]["session"]["talk"]["pause_ms"] == 700

    async def test_a_hesitating_learner_is_not_answered_too_early_or_twice(self, server: AgentServer):
        async with talking(server.url, "hesitating", new_learner(server.url)) as talker:
            await talker.set_up(level="B1", hands_free=True)
            await talker.say(LONDON + silence(1.0) + spoken("learner_family"))
            assert not talker.events("response.created")
            await talker.say(silence(1.9))
            await talker.wait_for("response.done")
            assert len(talker.events("response.created")) == 1
            _, heard = await talker.wait_for("conversation.item.input_audio_transcription.completed")
            assert "London" in heard["transcript"]
            assert "Brazil" in heard["transcript"]

    # A loaded machine may not know the words before the pause ends the turn.
    @pytest.mark.soak
    @pytest.mark.parametrize(
        ("clip", "level"), [("unfinished_because", "B1"), ("unfinished_the", "A2"), ("unfinished_said_again", "B2")]
    )
    async def test_a_pause_within_a_sentence_does_not_end_the_turn(self, server: AgentServer, clip: str, level: str):
        async with talking(server.url, clip, new_learner(server.url)) as talker:
            # The first turn loads the model.
            await talker.set_up(scenario="shopping", level=level)
            await talker.turn(LONDON)
            before = len(talker.heard)
            await talker.set_up(scenario="shopping", level=level, hands_free=True)
            await talker.say(spoken(clip) + silence(4))
            await talker.wait_for("response.done", after=before)
            assert len(talker.events("input_audio_buffer.speech_stopped", after=before)) == 1
            assert len(talker.events("response.created", after=before)) == 1

    @pytest.mark.parametrize("word", ["mm-hmm", "okay", "right", "yeah"])
    async def test_a_listeners_word_over_the_agent_is_not_a_turn(self, server: AgentServer, word: str):
        cookie = new_learner(server.url)
        async with talking(server.url, f"listening-{word}", cookie) as talker:
            await talker.set_up(scenario="family", level="A2", hands_free=True)
            await talker.send("response.create")
            await talker.wait_for("response.output_audio.delta")
            await talker.say(silence(0.9) + spoken(f"backchannel_{word}") + silence(4))
            _, failed = await talker.wait_for("conversation.item.input_audio_transcription.failed")
            assert failed["error"]["code"] == "backchannel"
            _, again = await talker.wait_for("response.output_item.added", count=2)
            await talker.wait_for("talk.saved", where=lambda event: event["item_id"] == again["item"]["id"])
        kept = get(server, cookie, f"conversations?id=listening-{word}")["conversation"]["messages"]
        assert {message["role"] for message in kept} == {"assistant"}
        assert kept[-1]["content"].endswith("?")

    async def test_a_hum_after_the_turn_leaves_its_answer(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "humming", cookie) as talker:
            await talker.set_up(scenario="family", level="A2", hands_free=True)
            await talker.say(spoken("sentence_family"))
            while not talker.events("input_audio_buffer.speech_stopped"):
                await talker.say(silence(0.1))
            await talker.say(spoken("voiced_mm") + silence(5))
            await talker.wait_for("talk.saved", where=lambda event: event["role"] == "assistant")
        kept = get(server, cookie, "conversations?id=humming")["conversation"]["messages"]
        assert [message["role"] for message in kept] == ["user", "assistant"]
        assert "sister" in kept[0]["content"]
        assert "couldn't hear" not in kept[1]["content"]

    async def test_let_me_think_holds_the_turn_open(self, server: AgentServer):
        async with talking(server.url, "thinking", new_learner(server.url)) as talker:
            await talker.set_up(level="C1", hands_free=True)
            await talker.send("talk.think", on=True)
            await talker.say(LONDON + silence(2.5))
            assert not talker.events("input_audio_buffer.speech_stopped")
            await talker.send("talk.think", on=False)
            await talker.say(silence(0.2))
            await talker.wait_for("response.done")

    async def test_200_ms_of_a_voice_stop_the_agent(self, server: AgentServer):
        async with talking(server.url, "interrupting", new_learner(server.url)) as talker:
            await talker.set_up(scenario="travel", hands_free=True)
            await talker.send("response.create")
            await talker.wait_for("response.output_audio.delta")
            await talker.say(silence(0.6))
            # A microphone continues after the voice.
            await talker.say(VOICE[: 200 * 48] + silence(0.2))
            await talker.wait_for("input_audio_buffer.speech_started")

    async def test_an_answer_that_is_broken_in_on_ends_as_cancelled(self, server: AgentServer):
        # If this machine stalls, the answer may be complete before the learner speaks. Then try again.
        for preemptive in range(10):
            async with talking(server.url, f"breaking-in-{preemptive}", new_learner(server.url)) as talker:
                await talker.set_up(scenario="travel", hands_free=True)
                await talker.send("response.create")
                await talker.wait_for("response.created")
                await talker.say(VOICE, at_speaking_speed=False)
                _, done = await talker.wait_for("response.done")
            if done["response"]["status"] != "completed":
                break
        assert done["response"]["status"] == "cancelled"


class TestInterrupting:
    async def test_the_unheard_part_of_a_reply_is_not_kept(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "cut", cookie) as talker:
            await talker.set_up(scenario="travel")
            await talker.send("response.create")
            await talker.wait_for("talk.saved")
            said = talker.events("response.output_audio_transcript.done")[0]
            await talker.send("conversation.item.truncate", item_id=said["item_id"], content_index=0, audio_end_ms=900)
            _, cut = await talker.wait_for("conversation.item.truncated")
            await talker.wait_for("talk.saved", count=2)
        message = get(server, cookie, "conversations?id=cut")["conversation"]["messages"][0]
        assert said["transcript"].startswith(cut["transcript"])
        assert len(cut["transcript"]) < len(said["transcript"])
        assert message["content"] == cut["transcript"]
        assert message["interrupted"] is True
        assert message["audioDuration"] == pytest.approx(0.9, abs=0.05)

    async def test_a_completely_unheard_reply_is_removed(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "unheard", cookie) as talker:
            await talker.set_up()
            await talker.turn(LONDON)
            item = talker.events("response.output_audio_transcript.done")[0]["item_id"]
            await talker.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=0)
            await talker.wait_for("conversation.item.truncated")
            # Turns are saved in order, so the earlier one is saved, too.
            await talker.turn(LONDON)
        messages = get(server, cookie, "conversations?id=unheard")["conversation"]["messages"]
        assert item not in [message["id"] for message in messages]
        assert [message["role"] for message in messages] == ["user", "user", "assistant"]

    async def test_a_cancelled_response_ends_as_cancelled(self, server: AgentServer):
        # If this machine stalls, the answer may be complete before it is cancelled. Then try again.
        for preemptive in range(10):
            async with talking(server.url, f"cancelled-{preemptive}", new_learner(server.url)) as talker:
                await talker.set_up()
                await talker.send("response.create")
                await talker.wait_for("response.output_audio_transcript.delta")
                await talker.send("response.cancel")
                _, done = await talker.wait_for("response.done")
            if done["response"]["status"] != "completed":
                break
        assert done["response"]["status"] == "cancelled"


class TestBadInput:
    @pytest.mark.parametrize(
        ("frame", "code"),
        [
            ("this is not JSON", "invalid_json"),
            ("[]", "invalid_event"),
            ('{"type": 5}', "invalid_event"),
            (b"\x00\x01", "invalid_event"),
            ('{"type": "no.such.event"}', "unknown_event"),
            ('{"type": "input_audio_buffer.append", "audio": "I went to the park"}', "invalid_audio"),
            ('{"type": "input_audio_buffer.append", "audio": "QUJD"}', "invalid_audio"),
            ('{"type": "input_audio_buffer.append", "audio": ""}', "empty_audio"),
            ('{"type": "input_audio_buffer.append"}', "invalid_audio"),
            ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty"),
            ('{"type": "response.cancel"}', "response_cancel_not_active"),
            ('{"type": "conversation.item.truncate", "item_id": "ai-1", "audio_end_ms": 5}', "item_not_found"),
            ('{"type": "conversation.item.truncate", "item_id": "ai-1", "audio_end_ms": -5}', "invalid_value"),
            ('{"type": "conversation.item.create", "item": {"type": "message", "role": "system"}}', "invalid_item"),
            ('{"type": "session.update", "session": {"talk": {"scenario": "nowhere"}}}', "unknown_scenario"),
            ('{"type": "session.update", "session": {"talk": {"level": "Z9"}}}', "invalid_value"),
            ('{"type": "session.update", "session": {"talk": {"topic": "\\ud800"}}}', "invalid_text"),
            ('{"type": "session.update", "session": {"audio": {"output": {"speed": "fast"}}}}', "invalid_value"),
            ('{"type": "session.update", "session": 7}', "invalid_value"),
            ('{"type": "talk.think", "on": "yes"}', "invalid_value"),
            ('{"type": "talk.think"}', "invalid_value"),
            ("[" * 100_000, "invalid_json"),
        ],
    )
    async def test_the_error_is_clear_and_the_talk_goes_on(self, server: AgentServer, frame: str | bytes, code: str):
        async with talking(server.url, "bad", new_learner(server.url)) as talker:
            await talker.send_raw(frame)
            _, error = await talker.wait_for("error")
            assert error["error"]["code"] == code
            assert error["error"]["message"]
            await talker.set_up()

    async def test_a_frame_of_50_mb_closes_the_connection_properly(self, server: AgentServer):
        async with talking(server.url, "huge", new_learner(server.url)) as talker:
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await talker.send_raw("x" * 50_000_000)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009

    async def test_more_than_ten_minutes_in_a_turn_are_refused_and_the_rest_is_kept(self, server: AgentServer):
        async with talking(server.url, "endless", new_learner(server.url)) as talker:
            await talker.set_up()
            minute = base64.b64encode(silence(60)).decode()
            for _ in range(11):
                await talker.send("input_audio_buffer.append", audio=minute)
            _, error = await talker.wait_for("error", within=60)
            assert error["error"]["code"] == "turn_too_long"
            await talker.send("input_audio_buffer.clear")
            await talker.wait_for("input_audio_buffer.cleared")
            await talker.turn(LONDON)

    async def test_an_item_is_not_taken_twice(self, server: AgentServer):
        async with talking(server.url, "twice", new_learner(server.url)) as talker:
            await talker.set_up()
            await talker.say(LONDON, at_speaking_speed=False)
            await talker.commit(item_id="user-1700000000000")
            await talker.wait_for("talk.saved", count=2)
            await talker.say(LONDON, at_speaking_speed=False)
            await talker.send("input_audio_buffer.commit", item_id="user-1700000000000")
            _, error = await talker.wait_for("error")
            assert error["error"]["code"] == "item_exists"
            await talker.turn(spoken("learner_canada"))
            heard = talker.events("conversation.item.input_audio_transcription.completed")[-1]["transcript"]
            assert heard.startswith("I have been learning")

    async def test_a_response_to_uncommitted_sound_is_refused(self, server: AgentServer):
        async with talking(server.url, "early", new_learner(server.url)) as talker:
            await talker.set_up()
            await talker.say(LONDON, at_speaking_speed=False)
            await talker.send("response.create")
            _, error = await talker.wait_for("error")
            assert error["error"]["code"] == "input_audio_buffer_not_committed"

    @pytest.mark.parametrize("name", ["", "x" * 201, "a%00b"])
    async def test_a_conversation_that_cannot_be_a_name_is_refused(self, server: AgentServer, name: str):
        cookie = new_learner(server.url)
        async with websockets.connect(
            f"{server.url.replace('http', 'ws')}/v1/realtime?conversation={name}", additional_headers={"Cookie": cookie}
        ) as socket:
            assert json.loads(await socket.recv())["error"]["code"] == "invalid_conversation"
            await socket.wait_closed()
            assert socket.close_code == 4400


class TestWhoMayTalk:
    async def test_another_learners_conversation_is_not_reached(self, server: AgentServer):
        async with talking(server.url, "mine", new_learner(server.url)) as talker:
            await talker.set_up()
            await talker.turn(LONDON)
        stranger = new_learner(server.url)
        async with talking(server.url, "mine", stranger) as talker:
            assert talker.heard[0][1]["session"]["talk"]["turns"] == 0
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(server, stranger, "conversations?id=mine")
        assert refused.value.code == 404

    async def test_without_a_cookie_the_talk_is_refused_with_a_reason(self, server: AgentServer):
        async with websockets.connect(f"{server.url.replace('http', 'ws')}/v1/realtime") as socket:
            assert json.loads(await socket.recv())["error"]["code"] == "no_learner"
            await socket.wait_closed()
            assert socket.close_code == 4401

    async def test_another_sites_page_is_refused(self, server: AgentServer):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with talking(server.url, "foreign", new_learner(server.url), Origin="https://evil.example"):
                pass
        assert refused.value.response.status_code == 403

    async def test_a_second_window_takes_the_talk_over(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "windows", cookie) as first:
            await first.set_up()
            async with talking(server.url, "windows", cookie) as second:
                assert await first.closed() == 4001
                assert first.events("talk.notice")[0]["code"] == "taken_over"
                await second.set_up()
                await second.turn(LONDON)


class TestDeletedMeanwhile:
    async def test_turns_that_are_on_their_way_do_not_keep_the_server_from_stopping(self, own_server: AgentServer):
        cookie = new_learner(own_server.url)
        async with talking(own_server.url, "stuck", cookie) as talker:
            await talker.set_up()
            await talker.turn(LONDON)
            send(own_server, cookie, "DELETE", "conversations/stuck")
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
            for _ in range(4):
                await talker.send("conversation.item.create", item=item)
            assert await talker.closed() == 4004
        own_server.stop()
        assert "Cancel" not in own_server.log.read_text()

    async def test_the_end_of_the_talk_is_reported(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "deleted", cookie) as talker:
            await talker.set_up()
            await talker.turn(LONDON)
            send(server, cookie, "DELETE", "conversations/deleted")
            await talker.say(LONDON, at_speaking_speed=False)
            await talker.commit()
            assert await talker.closed() == 4004
            assert talker.events("talk.notice")[0]["code"] == "deleted"

    async def test_it_cannot_be_opened(self, server: AgentServer):
        cookie = new_learner(server.url)
        async with talking(server.url, "buried", cookie) as talker:
            await talker.set_up()
            await talker.turn(LONDON)
        send(server, cookie, "DELETE", "conversations/buried")
        address = f"{server.url.replace('http', 'ws')}/v1/realtime?conversation=buried"
        async with websockets.connect(address, additional_headers={"Cookie": cookie}) as socket:
            assert json.loads(await socket.recv())["error"]["code"] == "deleted"
            await socket.wait_closed()
            assert socket.close_code == 4004

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "[::ffff", ""])
    async def test_a_host_that_is_not_this_site_is_refused_before_the_handshake(self, server: AgentServer, host: str):
        """The Origin matches the Host, as if another site's name resolved to this server."""
        head = (
            f"GET /v1/realtime?conversation=talk HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"Cookie: {new_learner(server.url)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode())
        status = (await asyncio.wait_for(reader.readline(), 60)).split()[1]
        writer.close()
        assert status in (b"403", b"400")
