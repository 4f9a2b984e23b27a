"""One turn over plain HTTP works on the real server."""

import json
from collections.abc import Iterator

import httpx
import pytest

from audio.encoding import from_pcm, to_pcm
from tests.servers import AgentServer
from tests.talking import SPEECH, silence

WAV = (SPEECH / "learner_london.wav").read_bytes()


@pytest.fixture
def client(server: AgentServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/", timeout=120) as client:
        client.get("conversations")
        yield client


def turn(client: httpx.Client, conversation: str, audio: bytes = WAV, **fields: str) -> httpx.Response:
    return client.post(f"conversations/{conversation}/turns", data=fields, files={"audio": ("turn.wav", audio)})


def messages(client: httpx.Client, conversation: str) -> list[dict]:
    return client.get(f"conversations/{conversation}").json()["conversation"]["messages"]


def test_a_recording_is_transcribed_corrected_and_answered_aloud(server: AgentServer, client: httpx.Client):
    answer = turn(client, "spoken", scenario="travel", level="B1").json()
    assert answer["message"]["content"] == "My brother has went to London last week."
    assert [each["better"] for each in answer["corrections"]] == ["went"]
    assert answer["reply"]["content"].endswith("?")
    voice = to_pcm(httpx.get(answer["reply"]["audioUrl"], timeout=60).content)
    assert len(voice) / 48_000 == pytest.approx(answer["reply"]["audioDuration"], abs=0.1)


def test_the_same_message_again_changes_nothing(client: httpx.Client):
    first = turn(client, "again", messageId="user-1700000000001").json()
    second = turn(client, "again", messageId="user-1700000000001").json()
    assert second["message"]["audioS3Key"] == first["message"]["audioS3Key"]
    assert second["reply"]["id"] == first["reply"]["id"]
    assert len(messages(client, "again")) == 2


def test_a_turn_of_words_only_leaves_no_recording(server: AgentServer, client: httpx.Client):
    before = set((server.folder / "recordings").rglob("*.webm"))
    answer = turn(client, "words-only", keepsAudio="false").json()
    assert answer["message"]["content"] == "My brother has went to London last week."
    assert answer["message"]["measured"]["spoken_ms"] > 1000
    assert ("audioS3Key" in answer["message"], "audioS3Key" in answer["reply"]) == (False, False)
    assert set((server.folder / "recordings").rglob("*.webm")) <= before
    analysis = client.post("conversations/words-only/analysis", json={}).json()["analysis"]
    seconds = answer["message"]["measured"]["spoken_ms"] / 1000
    assert analysis["speakingMetrics"]["estimatedSeconds"] == pytest.approx(seconds, abs=1)


def test_the_id_of_another_message_is_refused(client: httpx.Client):
    sent = {"text": "I went to Rome.", "messageId": "user-1700000000003"}
    reply = client.post("conversations/taken/turns", json=sent).json()["reply"]
    for other in ({"messageId": reply["id"]}, {"text": "I stayed at home."}):
        answer = client.post("conversations/taken/turns", json=sent | other)
        assert (answer.status_code, list(answer.json())) == (409, ["error"])
    assert client.post("conversations/taken/turns", json=sent).status_code == 200
    assert len(messages(client, "taken")) == 2


def test_without_a_reply_a_recording_is_only_transcribed_and_saved(client: httpx.Client):
    answer = turn(client, "kept", reply="false", messageId="user-1700000000002").json()
    assert answer["reply"] is None
    assert [(each["id"], each["content"]) for each in messages(client, "kept")] == [
        ("user-1700000000002", "My brother has went to London last week.")
    ]


def test_other_audio_formats_are_accepted(client: httpx.Client):
    webm = from_pcm(to_pcm(WAV)).data
    assert "London" in turn(client, "webm", audio=webm).json()["message"]["content"]


def test_text_is_answered(client: httpx.Client):
    answer = client.post("conversations/text/turns", json={"text": "I like apples.", "scenario": "food"}).json()
    assert answer["message"]["content"] == "I like apples."
    assert answer["reply"]["audioUrl"]


def test_a_goal_that_was_reached_is_ticked_off(client: httpx.Client):
    answer = client.post(
        "conversations/goal/turns", json={"text": "I went to Rome last year.", "scenario": "travel"}
    ).json()
    assert {goal["text"] for goal in answer["goals"] if goal["done"]} == {"Say where you went"}


def test_events_are_streamed_on_request(client: httpx.Client):
    headers = {"Accept": "text/event-stream"}
    with client.stream("POST", "conversations/stream/turns", json={"text": "Hello."}, headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "session.created"
    assert kinds.index("response.output_audio.delta") < kinds.index("response.done")
    assert kinds.count("talk.saved") == 2


def test_silence_is_reported_and_not_saved(client: httpx.Client):
    answer = turn(client, "quiet", audio=from_pcm(silence(2)).data)
    assert answer.status_code == 422
    assert "didn't hear anything" in answer.json()["error"]
    assert client.get("conversations/quiet").status_code == 404


@pytest.mark.parametrize(
    ("audio", "status", "word"),
    [
        (b"", 400, "empty"),
        (b"I went to the park.", 400, "format"),
        (WAV[:60], 400, ""),
        (bytes(26 * 1024 * 1024), 413, "25 MB"),
    ],
    ids=["nothing", "text", "cut", "too large"],
)
def test_a_file_without_audio_is_refused(client: httpx.Client, audio: bytes, status: int, word: str):
    answer = turn(client, "refused", audio=audio)
    assert answer.status_code == status
    assert word in answer.json()["error"]
    assert client.get("conversations/refused").status_code == 404


def test_more_than_ten_minutes_are_refused(client: httpx.Client):
    answer = turn(client, "long", audio=from_pcm(silence(601)).data)
    assert answer.status_code == 400
    assert "10 minutes" in answer.json()["error"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": ""},
        {"text": 7},
        {"text": "a" * 3000},
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"text": "Hello.", "messageId": "../../etc"},
        {"text": "Hello.", "speed": "fast"},
        {"text": "Hello.", "speed": True},
        {"text": "Hello.", "reply": "perhaps"},
        {"text": "Hello.", "level": "D1"},
        {"text": "Hello.", "scenario": "nowhere"},
    ],
)
def test_invalid_fields_are_refused(client: httpx.Client, fields: dict):
    body = json.dumps(fields).encode()
    answer = client.post("conversations/bad/turns", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert client.get("conversations/bad").status_code == 404


def test_a_body_that_is_not_json_is_refused(client: httpx.Client):
    for body in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        answer = client.post("conversations/bad/turns", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_a_turn_in_a_deleted_conversation_is_refused(client: httpx.Client):
    turn(client, "gone", reply="false")
    client.delete("conversations/gone")
    answer = turn(client, "gone")
    assert answer.status_code == 410


def test_misheard_words_can_be_replaced(client: httpx.Client):
    message = turn(client, "replaced", reply="false").json()["message"]
    answer = client.patch(f"conversations/replaced/messages/{message['id']}", json={"content": "My sister have a car."})
    assert answer.json()["message"]["content"] == "My sister have a car."
    assert ["has" in each["better"] for each in answer.json()["message"]["corrections"]] == [True]
    assert messages(client, "replaced")[0]["audioS3Key"] == message["audioS3Key"]


def test_the_agents_words_cannot_be_replaced(client: httpx.Client):
    reply = turn(client, "agents").json()["reply"]
    answer = client.patch(f"conversations/agents/messages/{reply['id']}", json={"content": "I am wrong."})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert messages(client, "agents")[1]["content"] == reply["content"]


def test_another_learners_message_cannot_be_replaced(server: AgentServer, client: httpx.Client):
    message = turn(client, "private", reply="false").json()["message"]
    stranger = httpx.patch(
        f"{server.url}/api/conversations/private/messages/{message['id']}", json={"content": "Mine now."}
    )
    assert stranger.status_code == 404
    assert messages(client, "private")[0]["content"] == message["content"]


def test_the_scenarios_are_listed(client: httpx.Client):
    listed = client.get("scenarios").json()
    kinds = [each["kind"] for each in listed["scenarios"]]
    assert kinds.count("chat") >= 12
    assert kinds.count("interview") >= 3
    assert kinds.count("own") == 1
    assert listed["levels"] == ["A1", "A2", "B1", "B2", "C1"]


def typed(
    client: httpx.Client, conversation: str, *texts: str, scenario: str = "food", level: str = "A2"
) -> list[dict]:
    """Type these texts in turn. Return the result of each."""
    wishes = {"scenario": scenario, "level": level}
    return [client.post(f"conversations/{conversation}/turns", json={"text": text, **wishes}).json() for text in texts]


def test_a_learner_can_end_the_talk(client: httpx.Client):
    answers = typed(client, "stop", "I like rice.", "I don't want to talk any more.")
    assert [answer["ended"] for answer in answers] == [False, True]


def test_a_turn_in_another_language_gets_a_reply_in_english(client: httpx.Client):
    answers = typed(client, "language", "I like soup.", "Non ho capito la domanda.")
    assert "English" in answers[-1]["reply"]["content"]
    assert answers[-1]["reply"]["content"].endswith("?")


def test_the_statement_before_a_question_back_reaches_its_goal(client: httpx.Client):
    answer = typed(client, "tag", "I like rice, and you?")[0]
    assert {goal["text"] for goal in answer["goals"] if goal["done"]} >= {"Say what you like to eat"}


def test_a_learner_in_despair_gets_the_lines_of_the_country(client: httpx.Client):
    headers = {"Accept-Language": "en-AU,en;q=0.9"}
    answer = client.post("conversations/despair/turns", json={"text": "I want to die."}, headers=headers).json()
    assert [line["tel"] for line in answer["support"]["lines"]] == ["131114"]
    assert answer["corrections"] == []
    assert answer["reply"]["content"].startswith("I'm sorry, that sounds very serious.")
    usual = client.post("conversations/despair/turns", json={"text": "Let's go on."}, headers=headers).json()
    assert usual["support"] is None
