"""A learner may use either of two servers, which share a database, a bucket and a SECRET_KEY, but no folder."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from conversations.tests.shapes import START, conversation, data_url, said
from tests.contract.calls import ID, MP3, URL, WEBM, contents, fetched, listed, save, spoken
from tests.contract.conftest import SECRET_KEY
from tests.contract.places import Bucket, Census, Mongo, Place, Postgres, fetch, newcomer
from tests.fixtures import served
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder

HOME_WITHIN = 120  # seconds


@dataclass
class Pair:
    one: Place
    other: Place
    backend: PostgresServer | MongoServer
    bucket: S3Server

    def learner(self) -> tuple[httpx.Client, httpx.Client]:
        """Return a new learner's clients for both servers, with the same cookie."""
        here = newcomer(self.one.server)
        here.get(URL)
        there = newcomer(self.other.server)
        there.cookies.update(here.cookies)
        return here, there

    def census(self) -> Census:
        """Count the rows of both servers. They share everything except `elsewhere`."""
        one, other = self.one.census(), self.other.census()
        return Census(one.conversations, one.messages, one.recordings, one.files, one.elsewhere + other.elsewhere)

    def recover(self) -> None:
        """Start stopped servers. Return when both servers have noticed, and their shelters are empty."""
        self.backend.start()
        self.bucket.start()
        deadline = time.monotonic() + HOME_WITHIN
        clients = self.learner()
        while any("degraded" in client.get(URL).json() for client in clients) or self.census().elsewhere:
            assert time.monotonic() < deadline, self.census()
            time.sleep(0.05)


@pytest.fixture(scope="module", params=["postgresql", "mongodb"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Run two servers. A test that stops their database or bucket starts it again."""
    bucket: S3Server = request.getfixturevalue("_s3_to_break")
    bucket.restore()
    if request.param == "mongodb":
        mongo: MongoServer = request.getfixturevalue("_mongo_to_break")
        mongo.restore()
        yield from _pair(mongo, Mongo(mongo), bucket, tmp_path_factory)
    else:
        with served(PostgresServer(temporary_folder("postgresql"))) as postgres:
            yield from _pair(postgres, Postgres(postgres), bucket, tmp_path_factory)


def _pair(
    backend: PostgresServer | MongoServer,
    database: Postgres | Mongo,
    bucket: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    places = []
    for name in ("one", "other"):
        server = AgentServer(tmp_path_factory.mktemp(name), database.env, bucket.env, SECRET_KEY=SECRET_KEY)
        server.set_up()
        server.start()
        places.append(Place(server, database, Bucket(bucket)))
    one, other = places
    yield Pair(one, other, backend, bucket)
    for place in places:
        place.server.stop()


def ids(client: httpx.Client) -> list[str]:
    return sorted(each["id"] for each in listed(client))


def test_a_conversation_of_one_server_continues_on_the_other(pair: Pair):
    here, there = pair.learner()
    before = pair.census()
    begun = save(here, spoken())
    more = fetched(there)["messages"] + [said("From Hanoi!", at=START + 9_000, audioData=data_url(MP3, "audio/mpeg"))]
    save(there, begun | {"messages": more})
    assert contents(fetched(here)) == ["I come from Hanoi.", "And you?", "From Hanoi!"]
    assert pair.census() == before.plus(conversations=1, messages=3, voices=2)


@pytest.mark.parametrize("turned", [False, True])
def test_a_recording_of_one_server_plays_through_the_other(pair: Pair, turned: bool):
    here, there = reversed(pair.learner()) if turned else pair.learner()
    save(here, spoken())
    assert fetch(pair.one.server, fetched(there)["messages"][0]["audioUrl"]).content == WEBM


def test_a_deletion_on_one_server_is_undone_on_the_other(pair: Pair):
    here, there = pair.learner()
    save(here, spoken())
    here.delete(URL, params={"id": ID})
    assert listed(there) == []
    assert there.post(f"{URL}/{ID}/restore").status_code == 200
    assert contents(fetched(here)) == contents(spoken())


# An outage of the database


@dataclass
class Outage:
    """Hold the answers that one learner got from both servers while the database was down."""

    clients: tuple[httpx.Client, httpx.Client]
    # For a save of conv-one through one server, and of conv-other through the other.
    answers: list[dict[str, Any]]
    # Ids, as each server listed them then.
    lists: list[list[str]]
    before: Census
    after: Census


@pytest.fixture(scope="module")
def outage(pair: Pair) -> Outage:
    one, other = clients = pair.learner()
    for wire_id in ("conv-deleted", "conv-both"):
        save(other, conversation(wire_id, duration=1))
    before = pair.census()
    pair.backend.kill()
    answers = [one.post(URL, json=spoken(id="conv-one")).json(), other.post(URL, json=spoken(id="conv-other")).json()]
    one.delete(URL, params={"id": "conv-deleted"})
    save(one, conversation("conv-both", duration=2))
    save(other, conversation("conv-both", duration=3))
    lists = [ids(client) for client in clients]
    pair.recover()
    return Outage(clients, answers, lists, before, pair.census())


def test_both_shelter_what_the_database_cannot_take(outage: Outage):
    assert [(answer["storage"], answer["degraded"]) for answer in outage.answers] == [("local", True)] * 2
    assert outage.lists == [["conv-both", "conv-one"], ["conv-both", "conv-other"]]


def test_both_bring_home_what_they_sheltered(outage: Outage):
    assert outage.after == outage.before.plus(conversations=2, messages=4, voices=2)
    for client in outage.clients:
        assert {each["storage"] for each in listed(client)} == {"cloud"}
        assert {"conv-one", "conv-other"} < set(ids(client))


@pytest.mark.parametrize("wire_id", ["conv-one", "conv-other"])
def test_a_voice_that_was_sheltered_with_its_row_plays_through_both(pair: Pair, outage: Outage, wire_id: str):
    for client in outage.clients:
        assert fetch(pair.one.server, fetched(client, wire_id)["messages"][0]["audioUrl"]).content == WEBM


def test_of_a_conversation_that_both_sheltered_there_is_one_and_the_newest(outage: Outage):
    assert [fetched(client, "conv-both")["duration"] for client in outage.clients] == [3, 3]


def test_a_conversation_deleted_during_the_outage_does_not_come_back(outage: Outage):
    assert [ids(client) for client in outage.clients] == [["conv-both", "conv-one", "conv-other"]] * 2


# An outage of the bucket


def test_both_shelter_what_the_bucket_cannot_take_and_both_bring_it_home(pair: Pair):
    here, there = pair.learner()
    before = pair.census()
    pair.bucket.kill()
    for client, wire_id in ((here, "conv-here"), (there, "conv-there")):
        answer = client.post(URL, json=spoken(id=wire_id)).json()
        assert answer["degraded"] is True
        place = pair.one if client is here else pair.other
        assert fetch(place.server, answer["conversation"]["messages"][0]["audioUrl"]).content == WEBM
    pair.recover()
    assert pair.census() == before.plus(conversations=2, messages=4, voices=2)
    for client in (here, there):
        for wire_id in ("conv-here", "conv-there"):
            link = fetched(client, wire_id)["messages"][0]["audioUrl"]
            assert link.startswith(pair.bucket.endpoint)
            assert fetch(pair.one.server, link).content == WEBM


# This test is the last: if a server wrongly reports an outage, the next test could not use it.


def test_closed_idle_connections_do_not_count_as_an_outage(pair: Pair):
    """A restart of the database closes connections in this way, and so does a firewall that forgets them."""
    clients = pair.learner()
    save(clients[0], conversation())
    assert [ids(client) for client in clients] == [[ID], [ID]]
    pair.backend.end_sessions()
    answers = [client.get(URL).json() for client in clients]
    assert [len(answer["conversations"]) for answer in answers] == [1, 1]
    assert not any("degraded" in answer for answer in answers)
