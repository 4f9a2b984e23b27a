"""The cloud fails in the middle of a talk. The talk continues, and every turn reaches the cloud with its recording."""

import asyncio
import time

import httpx
import pytest

from tests.faults.backends import BUCKET, DATABASE, Backends
from tests.talking import Event, new_learner, spoken, talking

LONDON = spoken("learner_london")
PATIENT = 60  # seconds


def sounds(cloud: Backends, cookie: str, events: list[Event]) -> dict[str, bytes]:
    """Return the recordings behind the links of `talk.saved`, by the messages' ids."""
    with httpx.Client(base_url=cloud.agent.url, headers={"Cookie": cookie}, timeout=PATIENT) as client:
        links = {event["item_id"]: event["audioUrl"] for event in events if event["audioUrl"]}
        return {item: httpx.get(client.base_url.join(link), timeout=PATIENT).content for item, link in links.items()}


@pytest.mark.parametrize(
    ("cloud", "half", "kind"),
    [
        ("postgresql", DATABASE, "killed"),
        ("postgresql", BUCKET, "frozen"),
        pytest.param("postgresql", DATABASE, "frozen", marks=pytest.mark.soak),
        pytest.param("postgresql", BUCKET, "killed", marks=pytest.mark.soak),
    ],
    indirect=["cloud"],
)
async def test_a_talk_continues_in_an_outage(cloud: Backends, half: str, kind: str):
    cookie, conversation = new_learner(cloud.agent.url), f"talk-{time.time_ns():x}"
    async with talking(cloud.agent.url, conversation, cookie) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        before = len(talker.heard)
        with cloud.broken(half, kind):
            await talker.say(LONDON, at_speaking_speed=False)
            await talker.commit()
            heard, _ = await talker.wait_for("response.output_audio.delta", after=before)
            # The outage lasts until both sides of the turn are saved, so nothing waited for the recovery.
            saved, _ = await talker.wait_for("talk.saved", after=before, count=2)
            during = talker.events("talk.saved", after=before)
            kept = await asyncio.to_thread(sounds, cloud, cookie, during) if half == BUCKET else {}
        await asyncio.to_thread(cloud.recovered)
        await talker.turn(LONDON)
        everything = talker.events("talk.saved")
    assert [event["degraded"] for event in during] == [True, True]
    assert all(half in event["down"] for event in during)
    assert heard < saved
    assert not talker.events("talk.notice")
    await asyncio.to_thread(cloud.moved)
    with httpx.Client(base_url=cloud.agent.url, headers={"Cookie": cookie}, timeout=PATIENT) as client:
        messages = client.get(f"/api/conversations/{conversation}").json()["conversation"]["messages"]
        links = {each["id"]: each["audioUrl"] for each in messages if "audioUrl" in each}
        found = {item: httpx.get(link, timeout=PATIENT).content for item, link in links.items()}
    ids = [each["id"] for each in messages]
    assert sorted(ids) == sorted({event["item_id"] for event in everything})
    assert len(found) == sum(1 for event in everything if event["audioUrl"])
    assert {item: found[item] for item in kept} == kept
