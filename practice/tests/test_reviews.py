import json
import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from audio import encoding
from conversations import store
from conversations.serializers import MAX_CONTENT
from learning import due, projection
from learning.models import Card
from learning.tests.talks import WORK, talk, turn
from migration import drain
from practice import attempts
from tests.clients import LearnerClient
from tests.clouds import ALIAS, DATABASES, Half
from tests.talking import SPEECH

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture
def mistaken(owner: LearnerClient) -> LearnerClient:
    talk(
        owner.learner,
        "one",
        turn("What does he do?", id="ai-1", role="assistant"),
        turn("My brother work in London.", WORK, days=0.01),
    )
    return owner


def offered(client: LearnerClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/reviews/next{query}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["reviews"]
    return found


def attempt(client: LearnerClient, prompt: str, text: str | None, *, review: str = "review-1", **more: object) -> Any:
    body = {"prompt": prompt, **({"text": text} if text is not None else {}), **more}
    return client.send(f"/api/reviews/{review}/attempts", body)


def test_a_mistake_is_listed_with_its_sentence(mistaken: LearnerClient) -> None:
    answer = mistaken.get("/api/mistakes").json()
    (one,) = answer["mistakes"]
    assert (one["said"], one["better"], one["count"], one["state"]) == ("work", "works", 1, "open")
    assert (one["sentence"], one["corrected"]) == ("My brother work in London.", "My brother works in London.")
    assert one["sentence"][one["start"] : one["end"]] == "work"
    assert one["conversation"] == "one"
    assert answer["counts"] == {"all": 1, "due": 1, "open": 1, "gone": 0, "reported": 0}
    assert answer["unread"] == 0


def test_a_review_asks_for_what_is_due_and_moves_it(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    assert one["question"] == "What does he do?"
    answer = attempt(mistaken, one["prompt"], "My brother works in London.")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["outcome"], answer.json()["corrected"]) == ("right", "My brother works in London.")
    assert offered(mistaken) == []
    after = mistaken.get("/api/reviews/next").json()
    assert after["nextAt"] > timezone.now().timestamp() * 1000 + 86_400_000
    (listed,) = mistaken.get("/api/mistakes").json()["mistakes"]
    assert listed["reviews"] == 1


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("My brother works in London", "right"),
        ("He works there.", "right"),
        ("My brother work in London.", "wrong"),
        ("He work, no, he works in London.", "wrong"),
        ("I don't know", "wrong"),
    ],
)
def test_the_judge_looks_at_the_corrected_words(mistaken: LearnerClient, said: str, outcome: str) -> None:
    (one,) = offered(mistaken)
    assert attempt(mistaken, one["prompt"], said).json()["outcome"] == outcome


def test_the_second_attempt_is_rated_hard_and_a_repeated_request_counts_once(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    for _ in range(2):
        attempt(mistaken, one["prompt"], "He work.", messageId="user-1")
    attempt(mistaken, one["prompt"], "He works.", messageId="user-2")
    projection.refresh(mistaken.learner)
    card = Card.objects.using("local").get()
    assert card.reviews == 1
    assert card.stability == pytest.approx(1.2931)


def test_an_attempt_does_not_turn_a_talk_into_a_review(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    answer = attempt(mistaken, one["prompt"], "He works.", review="one", messageId="ai-1")
    assert (answer.status_code, answer.json()) == (409, {"error": attempts.NOT_A_REVIEW})
    stored = store.get(mistaken.learner, "one")
    assert stored
    assert (stored.conversation.topic, stored.messages[0].content) == ("Work", "What does he do?")
    assert [each["id"] for each in mistaken.get("/api/conversations").json()["conversations"]] == ["one"]


def test_the_longest_sentence_can_be_reviewed(owner: LearnerClient) -> None:
    rare = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FFF), k=MAX_CONTENT - 10)))
    talk(owner.learner, "one", turn(f"He work. {rare}", WORK))
    (one,) = offered(owner)
    assert attempt(owner, one["prompt"], "He works.").json()["outcome"] == "right"


def test_two_tabs_review_the_same_card_once(mistaken: LearnerClient) -> None:
    (one,), (other,) = offered(mistaken), offered(mistaken)
    attempt(mistaken, one["prompt"], "He works.", review="review-1")
    attempt(mistaken, other["prompt"], "He works.", review="review-2")
    projection.refresh(mistaken.learner)
    assert Card.objects.using("local").get().reviews == 1


def test_the_answer_can_be_shown(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    answer = attempt(mistaken, one["prompt"], None, shown=True)
    assert answer.json()["outcome"] == "shown"
    projection.refresh(mistaken.learner)
    assert Card.objects.using("local").get().stability == pytest.approx(0.212)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "prompt: This field is required."),
        ({"prompt": "x", "text": "He works."}, "prompt: Send a `prompt` as GET /api/reviews/next returned it."),
        ({"prompt": "x"}, "Send either `audio`, a file, or `text`."),
    ],
)
def test_a_wrong_attempt_is_refused_in_words(owner: LearnerClient, body: dict[str, str], error: str) -> None:
    answer = owner.send("/api/reviews/review-1/attempts", body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_prompt_of_another_learner_or_too_old_is_refused(
    mistaken: LearnerClient, outsider: LearnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = offered(mistaken)
    assert attempt(outsider, one["prompt"], "He works.").status_code == 400
    monkeypatch.setattr(due, "PROMPT_LIFE", timedelta(seconds=-1))
    answer = attempt(mistaken, one["prompt"], "He works.")
    assert "more than two days ago" in answer.json()["error"]
    assert store.get(mistaken.learner, "review-1") is None


def test_other_learners_see_nothing(mistaken: LearnerClient, outsider: LearnerClient) -> None:
    (one,) = offered(mistaken)
    assert outsider.get("/api/mistakes").json()["mistakes"] == []
    for path in (f"/api/mistakes/{one['id']}", "/api/mistakes/nonsense"):
        assert outsider.get(path).status_code == 404
    assert outsider.send(f"/api/mistakes/{one['id']}/report", {}).status_code == 404
    assert outsider.send(f"/api/mistakes/{one['id']}/sentences", {"text": "He works."}).status_code == 404


def test_a_reported_correction_leaves_the_reviews_and_comes_back(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    path = f"/api/mistakes/{one['id']}/report"
    answer = mistaken.send(path, {}).json()
    assert answer["mistake"]["state"] == "reported"
    assert offered(mistaken) == []
    stored = store.get(mistaken.learner, "one")
    assert stored
    assert stored.messages[1].corrections[0]["disputed"] > 0
    # The same mistake in a later talk stays out of the reviews.
    talk(mistaken.learner, "two", turn("She work.", WORK, days=2))
    assert offered(mistaken) == []
    back = mistaken.send(path, {}, method="DELETE").json()
    assert back["mistake"]["state"] == "open"
    assert len(offered(mistaken)) == 1


def test_a_sentence_of_ones_own_is_kept_with_the_mistake(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    answer = mistaken.send(f"/api/mistakes/{one['id']}/sentences", {"text": "My mother works at home."})
    assert answer.status_code == 201, answer.content
    found = mistaken.get(f"/api/mistakes/{one['id']}").json()["occurrences"]
    assert [(each["kind"], each["text"]) for each in found] == [
        ("sentence", "My mother works at home."),
        ("mistake", "My brother work in London."),
    ]


def test_lists_are_paged(owner: LearnerClient) -> None:
    for number in range(5):
        said = {**WORK, "said": f"word{number}", "better": f"words{number}"}
        talk(owner.learner, f"talk-{number}", turn(f"He word{number}.", said, days=number))
    seen, query = [], "?limit=2"
    while True:
        page = owner.get(f"/api/mistakes{query}").json()
        seen += [each["said"] for each in page["mistakes"]]
        if not page["next"]:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert seen == [f"word{number}" for number in (4, 3, 2, 1, 0)]
    assert owner.get("/api/mistakes?zone=Nowhere/City").status_code == 400
    assert owner.get("/api/mistakes?state=lost").status_code == 400


@pytest.mark.parametrize("path", ["mistakes", "reviews/next", "progress", "today", "conversations/one/placement"])
def test_no_cache_keeps_what_a_learner_has_learned(mistaken: LearnerClient, path: str) -> None:
    assert mistaken.get(f"/api/{path}").headers["Cache-Control"] == "no-store"


def test_reviews_are_not_in_the_history(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    attempt(mistaken, one["prompt"], "He works.")
    listed = mistaken.get("/api/conversations").json()["conversations"]
    assert [each["id"] for each in listed] == ["one"]
    assert mistaken.get("/api/conversations/review-1").json()["conversation"]["config"]["kind"] == "review"


def test_an_outage_loses_no_review(mistaken: LearnerClient, database: Half) -> None:
    """The database fails between the prompt and the attempts."""
    talk(mistaken.learner, "one", turn("My brother work in London.", WORK))
    (one,) = offered(mistaken)
    with database.outage():
        assert mistaken.get("/api/reviews/next").status_code == 503
        answer = attempt(mistaken, one["prompt"], "He work.", messageId="user-1")
        assert (answer.status_code, answer.json()["outcome"], answer.json()["storage"]) == (200, "wrong", "local")
        assert attempt(mistaken, one["prompt"], "He works.", messageId="user-2").json()["outcome"] == "right"
    drain.drain()
    projection.refresh(mistaken.learner)
    card = Card.objects.using(ALIAS).get()
    assert (card.reviews, card.stability) == (1, pytest.approx(1.2931))
    stored = store.get(mistaken.learner, "review-1")
    assert stored
    assert stored.conversation.config["kind"] == "review"


def test_an_attempt_by_voice_is_heard_and_kept(owner: LearnerClient) -> None:
    go = {"said": "gone", "better": "went", "why": "", "category": "verb form"}
    talk(
        owner.learner,
        "one",
        turn("My brother has gone to London last week.", {**go, "said": "has gone", "better": "has went"}),
    )
    (one,) = offered(owner)
    sound = SimpleUploadedFile("said.wav", (SPEECH / "learner_london.wav").read_bytes())
    answer = owner.post(
        "/api/reviews/review-1/attempts",
        {"prompt": one["prompt"], "audio": sound},
    )
    assert answer.status_code == 200, answer.content
    judged = json.loads(answer.content)
    assert (judged["outcome"], judged["heard"]) == ("right", "My brother has went to London last week.")
    assert judged["message"]["audioDuration"] > 1


def test_noise_is_no_attempt(mistaken: LearnerClient) -> None:
    (one,) = offered(mistaken)
    silence = SimpleUploadedFile("said.webm", encoding.from_pcm(bytes(96_000)).data)
    answer = mistaken.post(
        "/api/reviews/review-1/attempts",
        {"prompt": one["prompt"], "audio": silence},
    )
    assert answer.status_code == 422
    assert store.get(mistaken.learner, "review-1") is None
    assert uuid.UUID(one["id"])


def test_a_review_takes_no_more_messages_than_a_conversation(
    mistaken: LearnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = offered(mistaken)
    attempt(mistaken, one["prompt"], "He work.", messageId="user-1")
    monkeypatch.setattr(attempts, "MAX_MESSAGES", 2)
    assert attempt(mistaken, one["prompt"], "He works.", messageId="user-2").status_code == 400
    # The same attempt again changes nothing.
    assert attempt(mistaken, one["prompt"], "He work.", messageId="user-1").status_code == 200
