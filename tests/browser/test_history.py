"""What was said is found again, and is the learner's to rename, mend and delete."""

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import chromium
from tests.servers import AgentServer
from tests.talking import SPEECH

WAV = "data:audio/wav;base64," + base64.b64encode((SPEECH / "learner_london.wav").read_bytes()).decode()
START = 1_760_000_000_000


def conversation(number: int, topic: str, said: str) -> dict:
    at = START + number * 86_400_000
    return {
        "id": f"conv-{at}-abcdefg",
        "timestamp": "2026-11-20T10:00:00Z",
        "startTime": at,
        "config": {"topic": topic, "difficulty": 3},
        "messages": [
            {"id": f"ai-{at}", "role": "assistant", "content": "What did you do?", "timestamp": at},
            {"id": f"user-{at + 1}", "role": "user", "content": said, "timestamp": at + 1, "audioData": WAV},
        ],
    }


@pytest.fixture
def page(server: AgentServer) -> Iterator[Page]:
    """The history of a learner with two talks."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(f"{server.url}/history")
        for number, (topic, said) in enumerate([("Cooking", "I made a soup."), ("Trains", "I missed a train.")]):
            page.request.post(f"{server.url}/api/conversations", data=conversation(number, topic, said))
        page.reload()
        page.wait_for_selector(".entry")
        yield page


def open_talk(page: Page, topic: str) -> None:
    page.locator(".entry", has_text=topic).locator("a").click()
    expect(page.locator("#detail-title")).to_have_text(topic)


def test_talks_are_listed_and_searched_by_what_was_said(page: Page):
    expect(page.locator(".entry")).to_have_count(2)
    page.get_by_label("Search your talks").fill("soup")
    expect(page.locator(".entry:visible")).to_have_count(1)
    expect(page.locator(".entry:visible")).to_contain_text("Cooking")


def test_a_voice_is_replayed(page: Page):
    open_talk(page, "Cooking")
    page.locator("li.turn[data-role=user] [data-action=replay]").click()
    page.wait_for_function("() => document.querySelector('#replay-audio').ended", timeout=10_000)
    seconds = page.evaluate("() => document.querySelector('#replay-audio').currentTime")
    assert seconds == pytest.approx(2.2, abs=0.3)


def test_a_talk_is_renamed(page: Page):
    open_talk(page, "Cooking")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of this talk").fill("My best soup")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("My best soup")
    page.reload()
    expect(page.locator("#detail-title")).to_have_text("My best soup")


def test_what_was_misheard_is_mended_and_corrected_anew(page: Page):
    open_talk(page, "Trains")
    page.locator("li.turn[data-role=user] [data-action=edit]").click()
    page.get_by_label("What you really said").fill("My brother has went by train.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".correction ins")).to_have_text("has gone")
    page.reload()
    expect(page.locator("li.turn[data-role=user] .turn-text")).to_have_text("My brother has went by train.")


def test_a_deletion_is_undone_from_the_keyboard(page: Page, server: AgentServer):
    open_talk(page, "Cooking")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_have_count(2)
    kept = page.request.get(f"{server.url}/api/conversations").json()["conversations"]
    assert {each["title"] for each in kept} == {"Cooking", "Trains"}


def test_all_talks_are_deleted_only_when_confirmed(page: Page):
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator(".entry")).to_have_count(2)
    page.get_by_role("button", name="Delete all").click()
    page.locator("#clear-confirm").click()
    expect(page.get_by_text("No talks yet")).to_be_visible()


def test_settings_are_kept(page: Page, server: AgentServer):
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Your level").select_option("C1")
    page.get_by_label(re.compile("How fast the agent speaks")).fill("0.8")
    page.locator("input[name=theme][value=dark]").check(force=True)
    page.goto(server.url)
    page.wait_for_selector(".scenario")
    expect(page.locator("input[name=level][value=C1]")).to_be_checked()
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#setting-speed")).to_have_value("0.8")
    expect(page.locator("input[name=theme][value=dark]")).to_be_checked()


@pytest.mark.parametrize("path", ["/", "/history", "/history/nowhere"])
@pytest.mark.parametrize("width", [360, 1600])
def test_no_page_is_wider_than_the_window_or_complains(server: AgentServer, path: str, width: int):
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{server.url}{path}")
        page.wait_for_timeout(1000)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert [each for each in complaints if "404" not in each] == []


def test_a_talk_is_begun_from_the_keyboard_alone(server: AgentServer):
    with chromium() as browser:
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_selector(".scenario")
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.id") == "start":
                break
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_have_attribute("data-view", "conversation")
