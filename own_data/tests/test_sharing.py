"""The link opens a shared talk until the learner revokes it. Without the link, the talk is private."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audio.encoding import Clip
from conversations import store
from conversations.drafts import Draft
from core.json_types import Json
from learners import personal_data
from learners.personal_data import DataSubject
from own_data import share_links, sharing_views
from own_data.models import ShareLink
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LINKS = "/api/conversations/talk-1/links"
HOSTILE = "<script>alert(1)</script>"


def talk(learner: uuid.UUID, words: str = "I have 20 years.") -> None:
    correction = {"said": "have 20 years", "better": "am 20", "why": HOSTILE, "category": "verb"}
    clip = Clip(b"my own voice", "audio/webm", 1.0)
    said = Draft("user-1", "user", words, AT, audio=clip, corrections=[correction])
    asked = Draft("ai-1", "assistant", "How old are you?", AT)
    store.save(learner, "talk-1", columns={"title": f"Age {HOSTILE}", "timestamp": AT}, messages=[asked, said])


def link_of(client: LearnerClient, **chosen: Any) -> str:
    """Create a link, and return its path."""
    answer = client.send(LINKS, {"days": 7, **chosen})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["url"]).removeprefix("http://testserver")


def test_everybody_with_the_link_can_read_it(owner: LearnerClient) -> None:
    talk(owner.learner)
    page = Client().get(link_of(owner))
    assert page.status_code == 200
    text = page.content.decode()
    assert "I have 20 years." in text
    assert "am 20" in text
    # Words are no markup.
    assert HOSTILE not in text
    assert text.count("&lt;script&gt;") == 3


def test_a_correction_that_the_learner_called_wrong_is_not_shown(owner: LearnerClient) -> None:
    talk(owner.learner)
    path = link_of(owner)
    stored = store.get(owner.learner, "talk-1")
    assert stored
    (own,) = [row for row in stored.messages if row.corrections]
    store.dispute(owner.learner, stored.conversation.pk, own.pk, 0, 1714521600000)
    text = Client().get(path).content.decode()
    assert "I have 20 years." in text
    assert "am 20" not in text


def test_a_reader_gets_no_cookie_and_learns_of_no_learner(owner: LearnerClient) -> None:
    talk(owner.learner)
    page = Client().get(link_of(owner))
    assert not page.cookies
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for secret in (str(owner.learner), owner.learner.hex, "talk-1", "user-1"):
        assert secret not in page.content.decode()


def test_recordings_are_shared_only_if_the_learner_chose_it(owner: LearnerClient) -> None:
    talk(owner.learner)
    page = Client().get(link_of(owner))
    (audio,) = [
        part.partition('"')[0].replace("&amp;", "&") for part in page.content.decode().split('src="/api/audio/')[1:]
    ]
    heard = Client().get(f"/api/audio/{audio}")
    assert (heard.status_code, heard.content) == (200, b"my own voice")
    assert not heard.cookies
    words = Client().get(link_of(owner, wordsOnly=True)).content.decode()
    assert "<audio" not in words
    assert "It shares words only." in words


def test_only_the_digest_is_stored(owner: LearnerClient) -> None:
    talk(owner.learner)
    token = link_of(owner).rpartition("/")[2]
    assert len(token) >= 43
    (row,) = ShareLink.objects.values()
    assert token not in str(row)
    assert token not in str(owner.get("/api/me/links").json())


def dies(path: str) -> None:
    page = Client().get(path)
    assert page.status_code == 404
    assert "This link does not work any more" in page.content.decode()
    assert "20 years" not in page.content.decode()


def test_a_revoked_link_is_dead(owner: LearnerClient, outsider: LearnerClient) -> None:
    talk(owner.learner)
    path = link_of(owner)
    (link,) = owner.get("/api/me/links").json()["links"]
    assert (link["title"], link["wordsOnly"]) == (f"Age {HOSTILE}", False)
    assert outsider.delete(f"/api/me/links/{link['id']}").status_code == 404
    assert Client().get(path).status_code == 200
    assert owner.delete(f"/api/me/links/{link['id']}").status_code == 200
    dies(path)
    assert owner.delete(f"/api/me/links/{link['id']}").status_code == 404
    assert owner.delete("/api/me/links/none").status_code == 404


def test_an_expired_link_is_dead_and_removed(owner: LearnerClient) -> None:
    talk(owner.learner)
    path = link_of(owner)
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    dies(path)
    assert owner.get("/api/me/links").json()["links"] == []
    share_links.prune()
    assert not ShareLink.objects.exists()


def test_a_link_dies_with_its_talk(owner: LearnerClient) -> None:
    talk(owner.learner)
    path = link_of(owner)
    store.delete(owner.learner, "talk-1")
    dies(path)
    assert owner.get("/api/me/links").json()["links"] == []
    share_links.prune()
    # An undo brings both back.
    store.restore(owner.learner, "talk-1")
    assert Client().get(path).status_code == 200
    store.delete(owner.learner, "talk-1")
    store.erase_deleted(before=timezone.now() + timedelta(minutes=1))
    share_links.prune()
    assert not ShareLink.objects.exists()


def test_an_erasure_takes_the_links(owner: LearnerClient, outsider: LearnerClient) -> None:
    for client in (owner, outsider):
        talk(client.learner)
        link_of(client)
    (table,) = [each for each in personal_data.tables() if each.model is ShareLink]
    assert table.export
    (exported,) = table.export(owner.learner)
    assert exported["wire_id"] == "talk-1"
    table.erase(DataSubject(owner.learner), "default")
    assert [row.learner for row in ShareLink.objects.all()] == [outsider.learner]


def test_a_talk_of_another_learner_cannot_be_shared(owner: LearnerClient, outsider: LearnerClient) -> None:
    talk(owner.learner)
    assert outsider.send(LINKS, {"days": 7}).status_code == 404
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize("token", ["x", "x" * 43, "ä" * 43, "%00", "../me"])
def test_a_guessed_token_is_dead(token: str) -> None:
    assert Client().get(f"/shared/{token}").status_code == 404


def test_a_wrong_choice_is_refused(owner: LearnerClient) -> None:
    talk(owner.learner)
    wrong: list[Json] = [{}, {"days": 8}, {"days": "for ever"}, {"days": 7, "wordsOnly": "perhaps"}]
    for body in (*wrong, []):
        assert owner.send(LINKS, body).status_code == 400
    assert not ShareLink.objects.exists()


def test_links_are_limited(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(owner.learner)
    monkeypatch.setattr(share_links, "MOST", 2)
    codes = [owner.send(LINKS, {"days": 7}).status_code for _ in range(3)]
    assert codes == [201, 201, 409]
    monkeypatch.setattr(share_links, "MOST", 20)
    monkeypatch.setattr(sharing_views, "MOST_IN_A_DAY", 3)
    codes = [owner.send(LINKS, {"days": 7}).status_code for _ in range(2)]
    assert codes == [201, 429]


def test_links_of_deleted_talks_do_not_count(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_links, "MOST", 1)
    talk(owner.learner)
    assert owner.send(LINKS, {"days": 7}).status_code == 201
    store.delete(owner.learner, "talk-1")
    store.save(owner.learner, "talk-2", columns={"title": "Another"}, messages=[])
    assert owner.get("/api/me/links").json()["links"] == []
    assert owner.send("/api/conversations/talk-2/links", {"days": 7}).status_code == 201


def test_readers_are_limited(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(owner.learner)
    path = link_of(owner)
    monkeypatch.setattr(sharing_views, "MOST_PAGES", 2)
    codes = [Client().get(path) for _ in range(3)]
    assert [each.status_code for each in codes] == [200, 200, 429]
    assert codes[-1].headers["Retry-After"]


def test_the_operator_can_switch_it_off(owner: LearnerClient, settings: Any) -> None:
    talk(owner.learner)
    path = link_of(owner)
    settings.SHARE_LINKS = False
    dies(path)
    assert owner.send(LINKS, {"days": 7}).json() == {"error": sharing_views.SWITCHED_OFF}
    assert owner.get("/api/me/links").json()["canShare"] is False


def test_with_the_database_down_the_page_says_so(owner: LearnerClient, database: Half) -> None:
    talk(owner.learner)
    path = link_of(owner)
    with database.outage():
        page = Client().get(path)
        assert page.status_code == 503
        assert "cannot reach its database" in page.content.decode()
        (link,) = owner.get("/api/me/links").json()["links"]
        assert link["title"] == ""
    assert Client().get(path).status_code == 200
