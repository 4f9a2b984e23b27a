"""A mistake of talk 1 comes back in a review, and is noticed when it is right in talk 2: with each engine, on each store."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulators.openai import Provider
from tests.fixtures import PROVIDER_KEY, served
from tests.servers import AgentServer

WRONG, RIGHT = "My brother work in London.", "My brother works in London."
WORK = {"said": "work", "better": "works", "why": "With he, the verb takes -s.", "category": "agreement"}
STORES = {"sqlite": None, "postgresql": "postgres", "mongodb": "mongo"}


@pytest.fixture(scope="module", params=[f"{engine}-{store}" for engine in ("local", "model") for store in STORES])
def agent(
    request: pytest.FixtureRequest, _provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[AgentServer, Provider, bool]]:
    engine, _, store = request.param.partition("-")
    env = {"TUTOR_ENGINE": "local"}
    if engine == "model":
        env = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": _provider.url, "TUTOR_ENGINE": "openai_pipeline"}
    if fixture := STORES[store]:
        env |= {**request.getfixturevalue(fixture).env, "DATABASE_TYPE": store, "USE_CLOUD_STORAGE": "true"}
    server = AgentServer(tmp_path_factory.mktemp("learning"), env)
    server.set_up()
    with served(server):
        yield server, _provider, engine == "model"


@pytest.fixture
def learner(agent: tuple[AgentServer, Provider, bool]) -> httpx.Client:
    server, provider, _ = agent
    provider.reset()
    return httpx.Client(base_url=f"{server.url}/api/", timeout=60, trust_env=False)


def say(learner: httpx.Client, conversation: str, text: str) -> dict[str, Any]:
    answer = learner.post(f"conversations/{conversation}/turns", json={"text": text, "scenario": "food"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def listed(learner: httpx.Client, count: int = 1) -> list[dict[str, Any]]:
    """Return the learner's mistakes. With a model, they are found after the reply."""
    deadline = time.monotonic() + 60
    while True:
        answer = learner.get("mistakes")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["mistakes"]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_a_mistake_comes_back_until_it_is_right(
    agent: tuple[AgentServer, Provider, bool], learner: httpx.Client
) -> None:
    _, provider, is_model = agent
    provider.reset(structured={"corrections": [{"corrections": [WORK]}, {"corrections": []}]})
    say(learner, "talk-1", WRONG)
    (mistake,) = listed(learner)
    assert (mistake["count"], mistake["uptakes"], mistake["state"]) == (1, 0, "open")

    # The next talk knows it.
    if is_model:
        say(learner, "talk-between", "Hello.")
        asked = [str(entry["body"]["messages"]) for entry in provider.log("/chat/completions")]
        assert any("My brother work" in each and "My brother works" in each for each in asked), asked

    (review,) = learner.get("reviews/next", params={"zone": "Asia/Ho_Chi_Minh"}).json()["reviews"]
    wrong = learner.post("reviews/review-1/attempts", json={"prompt": review["prompt"], "text": WRONG}).json()
    right = learner.post("reviews/review-1/attempts", json={"prompt": review["prompt"], "text": RIGHT}).json()
    assert (wrong["outcome"], right["outcome"]) == ("wrong", "right")
    (reviewed,) = listed(learner)
    assert reviewed["reviews"] == 1
    assert reviewed["dueAt"] > mistake["dueAt"]
    assert learner.get("reviews/next").json()["reviews"] == []

    say(learner, "talk-2", RIGHT)
    (after,) = listed(learner)
    assert after["uptakes"] == 1
    assert after["dueAt"] > reviewed["dueAt"]
    kinds = [each["kind"] for each in learner.get(f"mistakes/{mistake['id']}").json()["occurrences"]]
    assert kinds == ["uptake", "attempt", "attempt", "mistake"]
    # The history has talks only.
    assert "review-1" not in [each["id"] for each in learner.get("conversations").json()["conversations"]]

    # The first talk takes the mistake along, and undo brings it back.
    learner.delete("conversations/talk-1")
    assert learner.get("mistakes").json()["mistakes"] == []
    learner.post("conversations/talk-1/restore")
    (back,) = listed(learner)
    assert (back["dueAt"], back["uptakes"]) == (after["dueAt"], 1)


def test_mistakes_are_paged_and_filtered(learner: httpx.Client) -> None:
    for number in range(3):
        message = {
            "id": f"user-{number}",
            "role": "user",
            "content": f"He word{number}.",
            "timestamp": 1_700_000_000_000 + number,
            "corrections": [{**WORK, "said": f"word{number}", "better": f"words{number}"}],
        }
        answer = learner.post("conversations", json={"id": f"talk-{number}", "messages": [message]})
        assert answer.status_code == 201, answer.text
    first = learner.get("mistakes", params={"limit": 2, "state": "due"}).json()
    rest = learner.get("mistakes", params={"limit": 2, "state": "due", "cursor": first["next"]}).json()
    assert [each["said"] for each in (*first["mistakes"], *rest["mistakes"])] == ["word2", "word1", "word0"]
    learner.post(f"mistakes/{first['mistakes'][0]['id']}/report")
    counts = learner.get("mistakes").json()["counts"]
    assert counts == {"all": 3, "due": 2, "open": 2, "gone": 0, "reported": 1}
