"""A talk over the WebSocket stores its words in a database and its recordings in a bucket."""

import httpx
import pytest

from audio.encoding import to_pcm
from audio.tests.sounds import likeness
from tests.contract.calls import URL, fetched
from tests.contract.places import Place
from tests.talking import Event, spoken, talking

LONDON = spoken("learner_london")


@pytest.mark.parametrize("place", ["postgresql+s3"], indirect=True)
async def test_a_turn_is_saved_in_the_cloud_and_its_links_play(place: Place, learner: httpx.Client):
    learner.get(URL)
    before = place.census()
    cookie = f"learner={learner.cookies['learner']}"
    async with talking(place.server.url, "talk", cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        saved: dict[str, Event] = {event["role"]: event for event in talker.events("talk.saved")}
    assert {event["storage"] for event in saved.values()} == {"cloud"}
    assert likeness(to_pcm(place.fetch(saved["user"]["audioUrl"]).content), LONDON) > 0.8
    assert len(to_pcm(place.fetch(saved["assistant"]["audioUrl"]).content)) > 24_000
    assert [message["audioS3Key"] for message in fetched(learner, "talk")["messages"]] == [
        saved["user"]["audioS3Key"],
        saved["assistant"]["audioS3Key"],
    ]
    assert place.census() == before.plus(conversations=1, messages=2, voices=2)
