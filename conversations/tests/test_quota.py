"""A learner may keep and send a limited amount, a part of the disk stays free, and a talk continues when it is full."""

import shutil
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from audio import quota, recordings
from audio.encoding import Clip
from audio.models import Recording
from audio.recordings import Owner
from audio.tests.sounds import file_of, tone
from conversations import store
from conversations.tests.shapes import conversation, data_url, said
from tests.clients import LearnerClient
from tests.servers import AgentServer
from tests.talking import new_learner, spoken, talking

MB = quota.MB
URL = "/api/conversations"


class Disk(NamedTuple):
    free: int


def clip(size: int) -> Clip:
    return Clip(uuid.uuid4().bytes * (size // 16), "audio/mpeg", 1.0)


def keep(learner: uuid.UUID, size: int) -> Recording:
    return recordings.keep(Owner(learner, uuid.uuid4(), uuid.uuid4(), "user"), clip(size))


@pytest.mark.django_db(databases=["default", "local"])
class TestOneLearner:
    @pytest.fixture(autouse=True)
    def _small(self, settings: Any) -> None:
        settings.LEARNER_QUOTA_MB, settings.SENT_MB_PER_DAY, settings.DISK_RESERVE_MB = 1, 2, 0

    def test_more_than_the_quota_is_not_kept(self) -> None:
        learner = uuid.uuid4()
        keep(learner, MB // 2)
        with pytest.raises(quota.QuotaExceeded, match="Delete conversations"):
            keep(learner, MB // 2 + 16)
        keep(learner, MB // 2 - 16)
        assert Recording.objects.using("local").filter(learner=learner).count() == 2

    def test_others_keep_on(self) -> None:
        keep(uuid.uuid4(), MB)
        keep(uuid.uuid4(), MB)

    def test_what_is_removed_makes_room(self) -> None:
        learner = uuid.uuid4()
        first = keep(learner, MB)
        recordings.remove([first])
        keep(learner, MB)

    def test_the_sum_is_counted_once(self, django_assert_num_queries: Any) -> None:
        learner = uuid.uuid4()
        keep(learner, 1024)
        with django_assert_num_queries(0, using="local"):
            assert quota.used(learner) == 1024

    def test_what_is_sent_again_takes_no_room(self) -> None:
        owner, same = Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "user"), clip(MB - 1024)
        kept = {recordings.keep(owner, same).pk for _ in range(3)}
        assert len(kept) == 1

    def test_the_disks_reserve_is_for_those_who_keep_little(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.LEARNER_QUOTA_MB, settings.DISK_RESERVE_MB = 10, 1000
        learner = uuid.uuid4()
        keep(learner, 2 * MB)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(free=999 * MB))
        with pytest.raises(quota.QuotaExceeded, match="disk is nearly full"):
            keep(learner, 1024)
        with pytest.raises(quota.QuotaExceeded, match="disk is nearly full"):
            keep(uuid.uuid4(), 2 * MB)
        keep(uuid.uuid4(), 1024)

    def test_a_large_text_leaves_the_reserve_alone_too(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.LEARNER_QUOTA_MB, settings.DISK_RESERVE_MB = 10, 1000
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(free=999 * MB))
        large = conversation(messages=[said("x" * 20_000, id=f"user-{number}") for number in range(60)])
        refused = LearnerClient().send(URL, large)
        assert (refused.status_code, "disk is nearly full" in refused.json()["error"]) == (507, True)
        assert LearnerClient().send(URL, conversation()).status_code == 201

    @pytest.mark.parametrize("with_cookie", [True, False])
    def test_no_more_may_be_sent_in_a_day_than_could_be_kept(self, with_cookie: bool) -> None:
        """Without a cookie, every request is from a new learner, so the limit for an address must apply."""
        learner = LearnerClient()
        statuses = []
        for _ in range(8):
            client = learner if with_cookie else LearnerClient()
            if not with_cookie:
                client.cookies.clear()
            response = client.send(URL, conversation(messages=[said("x" * 20_000, id=f"user-{n}") for n in range(20)]))
            statuses.append(response.status_code)
        assert statuses[:2] == [201, 200 if with_cookie else 201]
        assert statuses[-1] == 429
        assert int(response["Retry-After"]) > 0
        assert "MB in a day" in response.json()["error"]


def large() -> dict[str, Any]:
    """Return a conversation of 400 KB."""
    return conversation(messages=[said("x" * 20_000, id=f"user-{number}") for number in range(20)])


@pytest.mark.django_db(databases=["default", "local"])
class TestBytesOfRefusedRequests:
    """A learner may send 2 MB in a day here, which is five large conversations."""

    @pytest.fixture(autouse=True)
    def _small(self, settings: Any) -> None:
        settings.LEARNER_QUOTA_MB, settings.SENT_MB_PER_DAY, settings.DISK_RESERVE_MB = 1, 2, 0

    def test_a_rate_limit_gives_the_bytes_back(self, settings: Any) -> None:
        settings.CALLS_PER_MINUTE = 0
        client = LearnerClient()
        assert {client.send("/api/chat", large()).status_code for _ in range(6)} == {429}
        assert client.send(URL, large()).status_code == 201

    def test_a_full_disk_gives_the_bytes_back(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.DISK_RESERVE_MB = 1000
        client = LearnerClient()
        body = conversation(messages=[said("x" * 20_000, id=f"user-{number}") for number in range(60)])
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "disk_usage", lambda path: Disk(free=999 * MB))
            assert [client.send(URL, body).status_code for _ in range(2)] == [507, 507]
        assert client.send(URL, large()).status_code == 201

    def test_the_limit_of_the_address_gives_the_learners_bytes_back(self) -> None:
        while LearnerClient().send(URL, large()).status_code != 429:
            pass
        client = LearnerClient()
        assert {client.send(URL, large()).status_code for _ in range(6)} == {429}
        elsewhere = client.post(URL, large(), content_type="application/json", REMOTE_ADDR="10.0.0.9")
        assert elsewhere.status_code == 201

    def test_a_body_that_was_read_and_is_not_fit_stays_counted(self) -> None:
        client = LearnerClient()
        statuses = [client.send(URL, {"messages": "x" * 400_000}).status_code for _ in range(6)]
        assert statuses == [400] * 5 + [429]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("quota"), LEARNER_QUOTA_MB="1")
    server.set_up()
    server.start()
    yield server
    server.kill()


def mp3(seconds: int, hertz: int) -> str:
    return data_url(file_of(tone(seconds, hertz), "mp3", "libmp3lame"), "audio/mpeg")


def fill(client: httpx.Client) -> httpx.Response:
    """Send voices until one is refused. Return that answer."""
    for number in range(20):
        talk = conversation(f"talk-{number}", messages=[said("Hello.", audioData=mp3(20, 200 + number))])
        response = client.post(URL, json=talk)
        if response.status_code >= 400:
            return response
    raise AssertionError("There is no end to it.")


async def test_a_full_learner_is_refused_in_words_and_talks_on_without_sound(server: AgentServer) -> None:
    cookie = new_learner(server.url)
    with httpx.Client(base_url=server.url, headers={"Cookie": cookie}, timeout=60) as client:
        refused = fill(client)
        assert refused.status_code == 507
        assert "Your storage here is full" in refused.json()["error"]
        kept = client.get(URL).json()["conversations"]
        assert client.get(f"{URL}/talk-0").json()["conversation"]["messages"][0]["audioUrl"]
        assert len(kept) >= 2
        async with talking(server.url, "talk", cookie) as talker:
            await talker.set_up()
            for name in ("learner_london", "learner_canada", "learner_park"):
                await talker.turn(spoken(name))
            said_by_learner = [each for each in talker.events("talk.saved") if each["role"] == "user"]
            notices = [each for each in talker.events("talk.notice") if each["code"] == "sound_not_kept"]
        assert len(said_by_learner) == 3
        assert said_by_learner[-1]["audioS3Key"] is None
        assert len(notices) == 1
        assert "without its sound" in notices[0]["message"]
        words = [each["content"] for each in client.get(f"{URL}/talk").json()["conversation"]["messages"]]
        assert len(words) == 6
        assert all(words)
        spoken_words = client.post(
            "/api/text-to-speech", json={"text": "Hello.", "conversationId": "c", "messageId": "m"}
        )
        assert (spoken_words.status_code, spoken_words.headers["content-type"]) == (200, "audio/mpeg")
        assert "Your storage here is full" in spoken_words.headers["X-Not-Saved"]
        turn = client.post(f"{URL}/talk/turns", files={"audio": b"RIFF"}, data={"reply": "false"})
        assert turn.status_code == 400
    with httpx.Client(base_url=server.url, headers={"Cookie": new_learner(server.url)}, timeout=60) as other:
        assert other.post(URL, json=conversation(messages=[said("Hello.", audioData=mp3(20, 300))])).status_code == 201


@pytest.mark.django_db(databases=["default", "local"])
def test_an_import_that_finds_no_room_says_so(settings: Any) -> None:
    settings.LEARNER_QUOTA_MB, settings.SENT_MB_PER_DAY, settings.DISK_RESERVE_MB = 1, 2, 0
    client = LearnerClient()
    keep(client.learner, MB)
    entry = conversation(messages=[said("Hello.", audioData=mp3(20, 300))])
    refused = client.send("/api/import", {"entries": [entry]})
    assert (refused.status_code, "Your storage here is full" in refused.json()["error"]) == (507, True)
    assert store.get(client.learner, entry["id"]) is None
