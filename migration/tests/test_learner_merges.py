"""A merge moves all that a learner has into an account, once, however often it is killed. It loses nothing."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import database_probe, preferences, store
from conversations.changes import conversation_key
from conversations.drafts import Draft
from conversations.models import Conversation, Message, PendingChange
from learners import cookie, tokens
from learners.models import Account, Device, LearnerMerge
from learners.tests.browsing import ANNA, PASSWORD, Browser
from migration import drain, learner_merges, sync_worker
from migration.models import claim
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """Stand for the end of the process."""


@pytest.fixture
def source() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def account() -> Account:
    user = get_user_model().objects.create_user("anna", ANNA, PASSWORD)
    return Account.objects.create(user=user, learner=uuid.uuid4())


@pytest.fixture
def both(database: Half, bucket: Half) -> tuple[Half, Half]:
    """Turn on a database and a bucket."""
    database.breaker.probe = database_probe.probe
    return database, bucket


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test carry out merges itself."""
    monkeypatch.setattr(learner_merges, "start", lambda: None)


def talk(learner: uuid.UUID, wire_id: str, words: str, *more: str, voice: bool = True, title: str = "") -> None:
    drafts = [
        Draft(
            f"m{number}",
            "user",
            said,
            AT + timedelta(seconds=number),
            audio=Clip(f"{learner}{said}".encode(), "audio/webm", 1.0) if voice else None,
        )
        for number, said in enumerate((words, *more))
    ]
    store.save(learner, wire_id, columns={"timestamp": AT, "title": title}, messages=drafts)


def merge(account: Account, source: uuid.UUID, *, deletes: bool = False) -> LearnerMerge:
    device = Device.objects.create(account=account, previous_learner=source)
    learner_merges.begin(device, deletes=deletes)
    # A second click changes nothing.
    learner_merges.begin(device, deletes=not deletes)
    return LearnerMerge.objects.get()


def words_of(learner: uuid.UUID) -> dict[str, list[str]]:
    """Return what is said in the learner's conversations. Every recording can be heard, and is the learner's."""
    found = {}
    for stored in store.history(learner, limit=100):
        found[stored.conversation.wire_id] = [row.content for row in stored.messages]
        for row in stored.messages:
            if row.audio_key:
                recording = stored.recordings[row.audio_key]
                assert recording.learner == learner
                assert recordings.read(recording)
    return found


def nothing_is_left(source: uuid.UUID, using: str = ALIAS) -> bool:
    """Return whether no word and no recording of the source is in a database."""
    words = Message.objects.using(using).filter(learner=source).exclude(content="")
    titles = Conversation.objects.using(using).filter(learner=source).exclude(title="")
    return not (words.exists() or titles.exists() or Recording.objects.using(using).filter(learner=source).exists())


def files(storage: str = "audio_cloud") -> int:
    folder = Path(storages[storage].path("audio"))
    return sum(each.is_file() for each in folder.iterdir()) if folder.exists() else 0


@pytest.mark.parametrize("deletes", [False, True])
def test_the_account_keeps_no_recordings_if_the_learner_refused_them(
    account: Account, source: uuid.UUID, deletes: bool
) -> None:
    preferences.choose(source, audio_refused_at=AT, retention_days=7)
    talk(source, "conv-1", "hello", voice=False)
    merge(account, source, deletes=deletes)
    learner_merges.run_waiting()
    chosen = preferences.of(account.learner)
    assert (chosen.keeps_audio, chosen.retention_days) == (deletes, None)


@pytest.mark.parametrize(("own", "kept"), [("", "travel"), ("work", "work")])
def test_the_account_takes_over_a_goal_if_it_has_none(account: Account, source: uuid.UUID, own: str, kept: str) -> None:
    preferences.choose(source, goal="travel")
    preferences.choose(account.learner, goal=own)
    talk(source, "conv-1", "hello", voice=False)
    merge(account, source)
    learner_merges.run_waiting()
    assert preferences.of(account.learner).goal == kept


def test_all_of_a_conversation_moves(both: Any, account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "hello", "how are you?", title="Mine")
    talk(source, "conv-2", "bye", voice=False)
    talk(account.learner, "conv-3", "before")
    before, count = store.get(source, "conv-1"), files()
    assert before
    waiting = merge(account, source)
    learner_merges.run_waiting()
    waiting.refresh_from_db()
    assert (waiting.done, waiting.total, bool(waiting.finished_at)) == (2, 2, True)
    assert words_of(account.learner) == {
        "conv-1": ["hello", "how are you?"],
        "conv-2": ["bye"],
        "conv-3": ["before"],
    }
    assert nothing_is_left(source)
    assert files() == count
    after = store.get(account.learner, "conv-1")
    assert after
    names = Conversation.settable()
    assert {name: getattr(after.conversation, name) for name in names} == {
        name: getattr(before.conversation, name) for name in names
    }
    for old, new in zip(before.messages, after.messages, strict=True):
        assert {name: getattr(old, name) for name in Message.settable()} == {
            name: getattr(new, name) for name in Message.settable()
        }


def test_conversations_with_the_same_id_lose_nothing(both: Any, account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "from the phone")
    talk(account.learner, "conv-1", "from the laptop")
    # This one was brought in on both devices.
    talk(source, "conv-2", "the same", voice=False)
    talk(account.learner, "conv-2", "the same", "and more", voice=False)
    merge(account, source)
    learner_merges.run_waiting()
    assert words_of(account.learner) == {
        "conv-1": ["from the laptop"],
        "conv-2": ["the same", "and more"],
        f"merged-{conversation_key(source, 'conv-1').hex}": ["from the phone"],
    }


def test_a_conversation_that_the_account_deleted_stays_deleted(both: Any, account: Account, source: uuid.UUID) -> None:
    talk(account.learner, "conv-1", "deleted")
    store.delete(account.learner, "conv-1")
    talk(source, "conv-1", "kept")
    merge(account, source)
    learner_merges.run_waiting()
    assert list(words_of(account.learner).values()) == [["kept"]]


@pytest.mark.parametrize("step", ["add_from", "hand_over", "delete", "erase_deleted", "save"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_merge_goes_on_where_it_was(
    step: str, when: str, both: Any, account: Account, source: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        talk(source, f"conv-{number}", f"hello {number}", "again")
    waiting, count = merge(account, source), files()
    owner = {"hand_over": recordings, "save": LearnerMerge}.get(step, store)
    real = getattr(owner, step)
    calls = []

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 and when == "before":
            raise Killed
        result = real(*args, **kwargs)
        if len(calls) == 2:
            raise Killed
        return result

    monkeypatch.setattr(owner, step, dies)
    with pytest.raises(Killed):
        learner_merges.run_waiting()
    monkeypatch.setattr(owner, step, real)
    learner_merges.run_waiting()
    # A conversation that was deleted, but not erased yet, is erased ten minutes later.
    store.erase_deleted(before=timezone.now() + timedelta(hours=1))
    waiting.refresh_from_db()
    assert waiting.finished_at
    assert words_of(account.learner) == {f"conv-{number}": [f"hello {number}", "again"] for number in range(3)}
    assert nothing_is_left(source)
    assert files() == count


@pytest.mark.parametrize("half", [0, 1])
def test_a_merge_waits_while_a_part_of_the_cloud_is_down(
    half: int, both: tuple[Half, Half], account: Account, source: uuid.UUID
) -> None:
    talk(source, "conv-1", "hello")
    waiting = merge(account, source)
    with both[half].outage():
        learner_merges.run_waiting()
        waiting.refresh_from_db()
        assert waiting.problem
        assert waiting.finished_at is None
    learner_merges.run_waiting()
    assert words_of(account.learner) == {"conv-1": ["hello"]}
    assert nothing_is_left(source)


def test_what_waits_in_the_outbox_moves_too(both: tuple[Half, Half], account: Account, source: uuid.UUID) -> None:
    with both[0].outage(), both[1].outage():
        talk(source, "conv-1", "said in the outage")
    merge(account, source)
    learner_merges.run_waiting()
    drain.drain()
    assert words_of(account.learner) == {"conv-1": ["said in the outage"]}
    assert nothing_is_left(source)
    assert nothing_is_left(source, "local")


@pytest.mark.parametrize("deletes", [False, True])
def test_a_merge_goes_on_when_another_server_drains_more(
    deletes: bool, both: tuple[Half, Half], account: Account, source: uuid.UUID
) -> None:
    talk(source, "conv-1", "before")
    with both[0].outage(), both[1].outage():
        talk(source, "conv-2", "said in the outage")
        more = Draft("m9", "user", "more", AT, audio=Clip(b"more", "audio/webm", 1.0))
        store.save(source, "conv-1", columns={}, messages=[more], replace=False)
    # While this server merges, the changes wait at the other one.
    tables: list[Any] = [PendingChange, Recording]
    elsewhere = [(model, list(model.objects.using("local"))) for model in tables]
    for model, _ in elsewhere:
        model.objects.using("local").all().delete()
    waiting = merge(account, source, deletes=deletes)
    learner_merges.run_waiting()
    waiting.refresh_from_db()
    assert (waiting.done, waiting.total, bool(waiting.finished_at)) == (1, 1, True)
    for model, rows in elsewhere:
        model.objects.using("local").bulk_create(rows)
    drain.drain()
    learner_merges.run_waiting()
    waiting.refresh_from_db()
    assert waiting.finished_at
    found = sorted(words for said in words_of(account.learner).values() for words in said)
    assert found == ([] if deletes else ["before", "more", "said in the outage"])
    # Words that came to a conversation after its deletion are erased ten minutes later.
    store.erase_deleted(before=timezone.now() + timedelta(hours=1))
    assert nothing_is_left(source)


def test_words_said_while_a_conversation_moves_are_kept(
    both: Any, account: Account, source: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(source, "conv-1", "before")
    real = recordings.hand_over

    def speak_meanwhile(*args: Any) -> None:
        real(*args)
        monkeypatch.setattr(recordings, "hand_over", real)
        more = Draft("m9", "user", "meanwhile", AT, audio=Clip(b"meanwhile", "audio/webm", 1.0))
        store.save(source, "conv-1", columns={}, messages=[more], replace=False)

    monkeypatch.setattr(recordings, "hand_over", speak_meanwhile)
    merge(account, source)
    learner_merges.run_waiting()
    learner_merges.run_waiting()
    # Both were said at the same moment, so their order is that of their keys.
    assert sorted(words_of(account.learner)["conv-1"]) == ["before", "meanwhile"]
    assert nothing_is_left(source)


def test_without_a_cloud_it_works_in_the_local_database(account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "hello")
    merge(account, source)
    learner_merges.run_waiting()
    assert words_of(account.learner) == {"conv-1": ["hello"]}
    assert nothing_is_left(source, "local")


def test_it_does_not_run_while_the_outbox_is_drained(
    both: Any, account: Account, source: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_merges, "TRIES", 1)
    monkeypatch.setattr(learner_merges, "PAUSE", 0)
    talk(source, "conv-1", "hello")
    waiting = merge(account, source)
    claim(sync_worker.WORK, "another process")
    learner_merges.run_waiting()
    waiting.refresh_from_db()
    assert waiting.finished_at is None
    assert words_of(source) == {"conv-1": ["hello"]}


def test_conversations_can_be_deleted_instead(both: Any, account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "hello")
    merge(account, source, deletes=True)
    learner_merges.run_waiting()
    assert words_of(account.learner) == {}
    assert nothing_is_left(source)
    assert files() == 0


@pytest.mark.parametrize("deletes", [False, True])
def test_tokens_from_before_are_revoked(account: Account, source: uuid.UUID, deletes: bool) -> None:
    """Another person who used this browser may have created a token. It must not open the account."""
    _, secret = tokens.create(source, "script")
    _, own = tokens.create(account.learner, "script")
    merge(account, source, deletes=deletes)
    learner_merges.run_waiting()
    with pytest.raises(tokens.InvalidToken):
        tokens.learner_of(secret)
    assert tokens.learner_of(own) == account.learner


def browser(learner: uuid.UUID) -> Browser:
    client = Browser()
    client.cookies[cookie.NAME] = cookie.seal(learner)
    return client


def sign_in(client: Browser) -> str:
    sent = {"login": ANNA, "password": PASSWORD, "next": "/history"}
    return str(client.post("/account/login/", sent, follow=True).redirect_chain[-1][0])


@pytest.mark.usefixtures("begun")
def test_signing_in_asks_before_it_merges(account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "hello")
    talk(source, "conv-2", "hello")
    client = browser(source)
    assert sign_in(client) == "/account/merge/?next=%2Fhistory"
    page = client.get("/account/merge/?next=/history").text
    assert "2 conversations were" in page
    assert words_of(account.learner) == {}
    client.post("/account/merge/", {"choice": "bring"})
    learner_merges.run_waiting()
    assert "Done: 2 of 2." in client.get("/account/merge/").text
    assert client.get("/account/merge/progress").json()["finished"]
    assert set(words_of(account.learner)) == {"conv-1", "conv-2"}
    # It is not asked again, and nothing can be merged twice.
    client.post("/account/merge/", {"choice": "bring"})
    assert LearnerMerge.objects.count() == 1


@pytest.mark.usefixtures("begun")
def test_whoever_decides_later_finds_the_conversations_after_signing_out(account: Account, source: uuid.UUID) -> None:
    talk(source, "conv-1", "hello")
    client = browser(source)
    sign_in(client)
    assert client.post("/account/merge/", {"choice": "later", "next": "/history"}).url == "/history"
    assert "From before you signed in" in client.get("/account/").text
    client.post("/account/logout/")
    assert cookie.unseal(client.cookies[cookie.NAME].value) == source
    assert [each["id"] for each in client.get("/api/conversations").json()["conversations"]] == ["conv-1"]


@pytest.mark.parametrize("has_cookie", [True, False])
def test_a_browser_without_conversations_is_not_asked(
    has_cookie: bool, account: Account, source: uuid.UUID, settings: Any
) -> None:
    assert sign_in(browser(source) if has_cookie else Browser()) == "/history"


def test_the_page_leads_to_no_other_site(account: Account, source: uuid.UUID) -> None:
    client = browser(source)
    sign_in(client)
    assert client.get("/account/merge/?next=https://evil.example").url == "/"


def test_nobody_sees_the_merge_of_another_account(account: Account, source: uuid.UUID) -> None:
    merge(account, source)
    ben = Browser()
    ben.sign_up("ben@example.org")
    assert ben.get("/account/merge/progress").status_code == 404
    assert Browser().get("/account/merge/progress").status_code == 302
