"""The site says what it does with what learners say, from the settings in force, and takes their choices."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from conversations import preferences, store
from conversations.drafts import Draft
from talk import privacy_notice
from talk.tests import test_capabilities
from talk.tests.test_capabilities import stage
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half, use_bucket

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

provided = test_capabilities.provided

ONLY_WORDS = {"keepsAudio": False, "retentionDays": None, "conversationDays": None, "recordingDays": None}


def shown(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/privacy").json()
    return answer


def choose(client: LearnerClient, **choices: Any) -> Any:
    return client.send("/api/privacy", choices, method="PATCH")


def page(path: str = "/privacy") -> str:
    return " ".join(Client().get(path).content.decode().split())


def test_with_the_embedded_engine_nothing_leaves_the_server(owner: LearnerClient):
    found = shown(owner)
    assert "an AI" in found["disclosure"]
    assert found["kept"] == "Your words and recordings are kept until you delete them."
    assert found["recipients"] == []
    assert found["conversations"] == found["recordings"] == {"where": "on this server", "days": None}
    assert found["operator"] == {"name": None, "contact": None}
    assert "nothing leaves this server" in page()


def test_each_provider_is_named_with_its_hosts_and_what_it_gets(provided: Any, owner: LearnerClient):
    provided.OPENAI |= {"transcription": stage("http://user:secret@speech.example.org:8000/v1")}
    provided.TUTOR_ENGINE = "openai_pipeline"
    found = {each["provider"]: each for each in shown(owner)["recipients"]}
    assert list(found) == ["speech.example.org", "OpenAI"]
    assert found["speech.example.org"]["hosts"] == ["speech.example.org:8000"]
    assert found["OpenAI"]["hosts"] == ["api.openai.com"]
    assert "the recording of each turn" in found["speech.example.org"]["gets"][0]
    assert len(found["OpenAI"]["gets"]) == 3
    for said in (page(), page("/")):
        assert "speech.example.org" in said
        assert "secret" not in said
        assert "nothing leaves this server" not in said


def test_every_stage_of_every_engine_is_described():
    import engines

    stages = {each.stage for declared in engines.declared() for each in declared.receivers()}
    assert stages == set(privacy_notice.GETS)


def test_the_places_follow_the_settings(settings: Any, owner: LearnerClient, database: Half):
    settings.CLOUD_DATABASE = "default"
    use_bucket(settings, "tests.clouds.FolderBucket", {"location": "/tmp", "region_name": "eu-central-1"})
    assert privacy_notice.notice().conversations.where == "in a PostgreSQL database"
    assert privacy_notice.notice().recordings.where == "in a private bucket of Amazon S3 (region eu-central-1)"
    settings.AWS_S3_ENDPOINT_URL = "https://user:secret@s3.example.org:9000"
    assert privacy_notice.notice().recordings.where == "in a private bucket at s3.example.org"


@pytest.mark.parametrize(
    ("words", "audio", "expected"),
    [
        (0, 0, "Your words and recordings are kept until you delete them."),
        (1, 0, "Your words and recordings are kept for a day."),
        (365, 30, "Your words are kept for 365 days, and recordings for 30 days."),
        (0, 30, "Your words are kept until you delete them, and recordings for 30 days."),
    ],
)
def test_the_time_follows_the_settings(settings: Any, owner: LearnerClient, words: int, audio: int, expected: str):
    settings.RETENTION_DAYS, settings.AUDIO_RETENTION_DAYS = words, audio
    assert shown(owner)["kept"] == expected
    assert expected in page("/")


def test_the_operator_is_named(settings: Any, owner: LearnerClient):
    settings.OPERATOR_NAME, settings.OPERATOR_CONTACT = "The <Evening> School", "privacy@example.org"
    assert shown(owner)["operator"] == {"name": "The <Evening> School", "contact": "privacy@example.org"}
    assert "The &lt;Evening&gt; School" in page()
    assert 'href="mailto:privacy@example.org"' in page()


def test_the_page_says_what_a_shared_link_shows_and_how_it_ends(settings: Any):
    settings.SHARE_LINKS, settings.AUDIO_URL_EXPIRY = True, 600
    said = page()
    assert "everybody who has the link" in said
    assert "You can revoke it earlier" in said
    assert "for up to 10 minutes" in said
    settings.SHARE_LINKS = False
    assert "everybody who has the link" not in page()


def test_the_line_before_the_first_word_names_the_ai_and_links_to_the_page():
    start = page("/")
    assert "an AI" in start
    assert 'href="/privacy"' in start


def test_a_learner_chooses(owner: LearnerClient, outsider: LearnerClient):
    answer = choose(owner, keepsAudio=False).json()
    assert answer["success"] is True
    assert answer["yours"] == ONLY_WORDS | {"erasingRecordings": False}
    assert shown(owner)["kept"] == "Your words are kept until you delete them, and no recordings are kept."
    assert choose(owner, retentionDays=30).json()["yours"]["conversationDays"] == 30
    assert choose(owner, eraseRecordings=True).json()["yours"]["erasingRecordings"] is True
    assert choose(owner, keepsAudio=True, retentionDays=None).json()["yours"]["keepsAudio"] is True
    assert shown(outsider)["yours"] == ONLY_WORDS | {"keepsAudio": True, "erasingRecordings": False}


def test_a_refusal_that_is_repeated_holds_from_its_beginning(owner: LearnerClient):
    choose(owner, keepsAudio=False)
    first = preferences.of(owner.learner).audio_refused_at
    choose(owner, keepsAudio=False)
    assert preferences.of(owner.learner).audio_refused_at == first


def test_choices_are_taken_while_the_database_is_down(owner: LearnerClient, database: Half):
    database.goes_down()
    answer = choose(owner, keepsAudio=False).json()
    assert (answer["yours"]["keepsAudio"], answer["storage"], answer["degraded"]) == (False, "local", True)


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], None, {"keepsAudio": "perhaps"}, {"keepsAudio": None}, {"retentionDays": 8}, {"retentionDays": True}),
        *({"retentionDays": -1}, {"retentionDays": [7]}, {"eraseRecordings": {}}, {"retentionDays": 1e400}),
    ],
)
def test_an_invalid_choice_is_refused(owner: LearnerClient, body: Any):
    answer = owner.send("/api/privacy", body, method="PATCH")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert shown(owner)["yours"]["keepsAudio"] is True


def test_only_the_shorter_times_are_offered(settings: Any, owner: LearnerClient):
    assert shown(owner)["choices"] == [7, 30, 90, 365]
    settings.RETENTION_DAYS = 90
    assert shown(owner)["choices"] == [7, 30]


def test_a_conversation_says_until_when_it_is_kept(settings: Any, owner: LearnerClient):
    at = timezone.now().replace(microsecond=0)
    drafts = [Draft("user-1", "user", "Hello.", at), Draft("ai-1", "assistant", "Hi.", at - timedelta(days=1))]
    store.save(owner.learner, "conv-1", columns={"timestamp": at - timedelta(days=9)}, messages=drafts, replace=False)
    assert "keptUntil" not in owner.get("/api/conversations/conv-1").json()["conversation"]
    choose(owner, retentionDays=30)
    (listed,) = owner.get("/api/conversations").json()["conversations"]
    assert listed["keptUntil"] == f"{at + timedelta(days=30):%Y-%m-%dT%H:%M:%S.000Z}"


def test_another_site_cannot_choose_for_a_learner(owner: LearnerClient):
    answer = owner.send("/api/privacy", {"keepsAudio": False}, method="PATCH", origin="https://evil.example.org")
    assert answer.status_code == 403
    assert preferences.of(owner.learner).keeps_audio


def test_a_request_without_a_cookie_gets_one(owner: LearnerClient):
    client = Client()
    client.patch("/api/privacy", {"keepsAudio": False}, content_type="application/json")
    assert shown(client)["yours"]["keepsAudio"] is False
    assert uuid.UUID(client.cookies["learner"].value.partition(":")[0])
