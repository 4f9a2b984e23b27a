"""The cloud goes down during a talk: the page says so, the talk continues, and everything recovers by itself."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.chromium import chromium, eventually, expect_states, record_states
from tests.browser.microphone import add_microphone, begin_to_say
from tests.browser.test_history import conversation, open_talk
from tests.browser.test_talk import WITHIN, hands_free, replay, start_talking
from tests.clouds import wait_for
from tests.fixtures import served
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.talking import spoken

# Milliseconds until the page has noticed that the cloud is back.
BACK_WITHIN = 60_000
# Milliseconds until all data is in the cloud again.
AT_HOME_WITHIN = 120_000
KEPT = "Everything you say is kept safely on this server and moves to the cloud by itself."


class Cloud:
    """Run a server with its own database and bucket, which tests stop and start."""

    def __init__(self, agent: AgentServer, database: PostgresServer, bucket: S3Server) -> None:
        self.agent = agent
        self.database = database
        self.bucket = bucket


@pytest.fixture(scope="module")
def _cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with (
        served(PostgresServer(temporary_folder("postgresql"))) as database,
        served(S3Server(temporary_folder("s3"))) as s3,
    ):
        agent = AgentServer(tmp_path_factory.mktemp("agent"), database.env, s3.env)
        agent.set_up()
        agent.start()
        yield Cloud(agent, database, s3)
        agent.kill()


@pytest.fixture
def cloud(_cloud: Cloud) -> Cloud:
    """Return the same cloud for each test, because it starts slowly. Database and bucket are up."""
    _cloud.database.start()
    _cloud.bucket.start()
    wait_for(lambda: "degraded" not in httpx.get(f"{_cloud.agent.url}/api/conversations", timeout=60).json())
    return _cloud


@contextmanager
def learner(width: int = 1280) -> Iterator[tuple[Page, list[ConsoleMessage]]]:
    """Open a page, and collect the messages of its console."""
    said: list[ConsoleMessage] = []
    with chromium() as browser:
        page = browser.new_context(viewport={"width": width, "height": 860}).new_page()
        add_microphone(page)
        # The handler must be a function.
        page.on("console", lambda message: said.append(message))
        yield page, said


def about_the_cloud(said: list[ConsoleMessage]) -> list[tuple[str, str]]:
    """Return the messages about the cloud, without the seconds, which vary."""
    return [
        (each.type, re.sub(r" after \d+ s", "", each.text)) for each in said if each.text.startswith("Cloud storage: ")
    ]


def outage_message(half: str, why: str) -> tuple[str, str]:
    return (
        "warning",
        f"Cloud storage: the {half} can't be used: {why}. What is said is kept on the server until it can.",
    )


def recovery_message(half: str) -> tuple[str, str]:
    return "info", f"Cloud storage: the {half} is back."


def banner(page: Page):
    return page.get_by_role("status").filter(has_text="Cloud storage can't be reached.")


def type_turn(page: Page, text: str) -> None:
    if not page.locator("#type-form").is_visible():
        page.get_by_role("button", name="Type").click()
    page.locator("#type-text").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("li.turn[data-role=user]").last).to_have_attribute("data-status", "", timeout=WITHIN)


def in_history(page: Page, cloud: Cloud) -> list[dict]:
    return page.request.get(f"{cloud.agent.url}/api/conversations").json()["conversations"]


def wait_until_drained(page: Page, cloud: Cloud) -> None:
    """Wait until no recording is left on the server."""
    for _ in range(AT_HOME_WITHIN // 250):
        if not list(cloud.agent.data_dir.glob("recordings/**/*.webm")):
            return
        page.wait_for_timeout(250)
    raise AssertionError("A recording still waits for the bucket.")


def played_from(page: Page) -> str:
    return page.evaluate("() => document.querySelector('#replay-audio').currentSrc")


def expect_no_policy_violations(said: list[ConsoleMessage]) -> None:
    assert [each.text for each in said if "Content Security Policy" in each.text] == []


def test_a_talk_continues_without_the_database_and_is_complete_afterwards(cloud: Cloud):
    with learner() as (page, said):
        start_talking(page, cloud.agent)
        type_turn(page, "I went to London.")
        expect(banner(page)).to_be_hidden()
        page.evaluate("window.notReloaded = true")
        cloud.database.kill()
        record_states(page)
        type_turn(page, "It was nice there.")
        expect(banner(page)).to_contain_text(f"{KEPT} Until then, older talks are out of reach.")
        expect_states(page, "agent")
        assert about_the_cloud(said) == [outage_message("database", "the connection is refused")]

        cloud.database.start()
        expect(banner(page)).to_be_hidden(timeout=BACK_WITHIN)
        expect(page.get_by_text("Everything you said is in the cloud again.")).to_be_visible(timeout=AT_HOME_WITHIN)
        assert page.evaluate("window.notReloaded")
        assert about_the_cloud(said) == [
            outage_message("database", "the connection is refused"),
            recovery_message("database"),
        ]

        page.goto(f"{cloud.agent.url}/history")
        page.locator(".entry", has_text="Travel").locator("a").click()
        turns = page.locator("li.turn[data-role=user] .turn-text")
        expect(turns).to_have_text(["I went to London.", "It was nice there."])
        expect(page.locator(".entry-waiting:visible")).to_have_count(0)


def test_database_and_bucket_fail_while_the_learner_speaks(cloud: Cloud):
    with learner() as (page, said):
        start_talking(page, cloud.agent)
        hands_free(page)
        expect_states(page, "agent", "ready")
        begin_to_say(page, spoken("learner_london"))
        expect_states(page, "recording")
        cloud.database.kill()
        cloud.bucket.kill()
        answer = page.locator("li.turn[data-role=user] + li.turn[data-role=assistant] .turn-text")
        expect(answer).not_to_be_empty(timeout=WITHIN)
        expect(banner(page)).to_contain_text(f"{KEPT} Until then, older talks are out of reach.")
        expect(page.locator("li.turn[data-role=user] .turn-text")).to_have_text(
            "My brother has went to London last week."
        )
        assert replay(page, "user") > 1.5
        why = "the connection is refused"
        eventually(page, lambda: len(about_the_cloud(said)) >= 2)
        assert sorted(about_the_cloud(said)) == [outage_message("audio bucket", why), outage_message("database", why)]
        expect_no_policy_violations(said)


def test_a_recording_plays_from_the_server_while_the_bucket_is_down_and_from_the_bucket_afterwards(cloud: Cloud):
    with learner() as (page, said):
        page.goto(f"{cloud.agent.url}/history")
        cloud.bucket.kill()
        for number, topic in enumerate(["Cooking", "Trains"]):
            page.request.post(f"{cloud.agent.url}/api/conversations", data=conversation(number, topic, "I did."))
        page.reload()
        expect(banner(page)).to_contain_text(f"{KEPT} Until then, older recordings may not play.")
        open_talk(page, "Cooking")
        assert replay(page, "user") == pytest.approx(2.2, abs=0.3)
        assert played_from(page).startswith(cloud.agent.url)

        open_talk(page, "Trains")
        cloud.bucket.start()
        expect(banner(page)).to_be_hidden(timeout=BACK_WITHIN)
        wait_until_drained(page, cloud)
        # The page's link leads to the copy on the server, which is deleted.
        assert replay(page, "user") == pytest.approx(2.2, abs=0.3)
        assert played_from(page).startswith(cloud.bucket.endpoint)
        expect_no_policy_violations(said)


def test_an_unreachable_recording_is_requested_once_more(cloud: Cloud):
    with learner() as (page, said):
        page.goto(f"{cloud.agent.url}/history")
        page.request.post(f"{cloud.agent.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/api/audio?" in request.url else None)
        page.reload()
        open_talk(page, "Cooking")
        cloud.bucket.kill()
        turn = page.locator("li.turn[data-role=user]")
        turn.locator("[data-action=replay]").click()
        expect(page.get_by_role("alert")).to_contain_text("This recording can't be reached at the moment.")
        expect(turn).not_to_have_attribute("data-playing", "")
        assert len(asked) == 1
        expect_no_policy_violations(said)


def test_an_unreachable_talk_is_shown_as_soon_as_it_can_be_reached(cloud: Cloud):
    with learner(width=360) as (page, _):
        page.goto(f"{cloud.agent.url}/history")
        page.request.post(f"{cloud.agent.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
        cloud.database.kill()
        page.request.post(f"{cloud.agent.url}/api/conversations", data=conversation(1, "Trains", "I missed a train."))
        page.goto(f"{cloud.agent.url}/history/{conversation(0, '', '')['id']}")
        expect(page.get_by_text("Nothing is lost; try again in a moment.")).to_be_visible()
        expect(page.get_by_text("deleted")).to_have_count(0)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360

        page.get_by_role("heading", name="This can't be shown right now").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Try again")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#announcer")).to_contain_text("Still out of reach.")
        expect(page.get_by_role("button", name="Try again")).to_be_focused()

        page.get_by_role("link", name="All talks").click()
        expect(page.get_by_text("Older talks are out of reach for the moment.")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("Trains waiting for the cloud"))).to_be_visible()
        page.go_back()
        talk = page.context.new_page()
        talk.goto(f"{cloud.agent.url}/?conversation={conversation(0, '', '')['id']}")
        expect(talk.get_by_role("button", name="Try again")).to_be_visible()

        cloud.database.start()
        expect(page.locator("#detail-title")).to_have_text("Cooking", timeout=BACK_WITHIN)
        expect(talk.locator("#resume-talk")).to_be_visible(timeout=BACK_WITHIN)
        expect(talk.get_by_role("button", name="Try again")).to_be_hidden()
        page.get_by_role("link", name="All talks").click()
        expect(page.locator(".entry")).to_have_count(2)
        expect(page.locator(".entry-waiting:visible")).to_have_count(0, timeout=AT_HOME_WITHIN)


def test_a_lost_connection_is_not_shown_as_an_outage_of_the_cloud(cloud: Cloud):
    with learner() as (page, said):
        start_talking(page, cloud.agent)
        cloud.database.kill()
        type_turn(page, "I went to London.")
        expect(banner(page)).to_be_visible()
        page.context.set_offline(True)
        expect(page.locator("#connection-notice")).to_be_visible()
        expect(banner(page)).to_be_hidden()
        page.context.set_offline(False)
        expect(page.locator("#connection-notice")).to_be_hidden(timeout=WITHIN)
        expect(banner(page)).to_be_visible(timeout=WITHIN)
        assert len(about_the_cloud(said)) == 1


def test_without_a_cloud_nothing_is_shown_as_waiting_for_it(server: AgentServer):
    with learner() as (page, said):
        page.goto(f"{server.url}/history")
        page.request.post(f"{server.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
        page.reload()
        open_talk(page, "Cooking")
        expect(page.locator(".entry-waiting:visible")).to_have_count(0)
        expect(banner(page)).to_be_hidden()
        assert about_the_cloud(said) == []
