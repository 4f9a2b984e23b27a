"""Learners find their earlier talks, and rename, correct and delete them."""

import base64
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import WITHIN, chromium, eventually
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
    """Open the history of a learner with two talks."""
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


def test_talks_are_listed_and_found_by_their_words(page: Page):
    expect(page.locator(".entry")).to_have_count(2)
    page.get_by_label("Search your talks").fill("soup")
    expect(page.locator(".entry:visible")).to_have_count(1)
    expect(page.locator(".entry:visible")).to_contain_text("Cooking")


def test_a_voice_is_replayed(page: Page):
    open_talk(page, "Cooking")
    page.locator("li.turn[data-role=user] [data-action=replay]").click()
    page.wait_for_function("() => document.querySelector('#replay-audio').ended", timeout=WITHIN)
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


def test_misheard_words_are_replaced_and_corrected_anew(page: Page):
    open_talk(page, "Trains")
    page.locator("li.turn[data-role=user] [data-action=edit]").click()
    page.get_by_label("What you really said").fill("My brother has went by train.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".correction ins")).to_have_text("gone")
    page.reload()
    expect(page.locator("li.turn[data-role=user] .turn-text")).to_have_text("My brother has went by train.")


def replace_words(page: Page, text: str) -> None:
    page.locator("li.turn[data-role=user] [data-action=edit]").click()
    page.get_by_label("What you really said").fill(text)
    page.get_by_role("button", name="Save").click()


def hold_back(page: Page, method: str, path: str) -> list[Route]:
    """Hold back requests until the test releases them."""
    held: list[Route] = []
    page.route(path, lambda route: held.append(route) if route.request.method == method else route.continue_())
    return held


def toasts(page: Page) -> str:
    return page.locator("#toasts").inner_text()


def test_a_double_click_replaces_words_once(page: Page):
    open_talk(page, "Trains")
    sent = hold_back(page, "PATCH", "**/messages/*")
    replace_words(page, "I took a train.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".turn-edit")).to_have_attribute("aria-busy", "true")
    eventually(page, lambda: sent)
    sent[0].continue_()
    expect(page.locator(".turn-edit")).to_have_count(0)
    assert len(sent) == 1


def test_replaced_words_are_saved_and_reported_after_the_learner_has_gone_on(page: Page):
    open_talk(page, "Trains")
    sent = hold_back(page, "PATCH", "**/messages/*")
    replace_words(page, "I took a slow train.")
    eventually(page, lambda: sent)
    open_talk(page, "Cooking")
    sent[0].continue_()
    expect(page.locator("#toasts")).to_have_text(re.compile(r"^\s*Corrected\.\s"))
    expect(page.locator("#detail-title")).to_have_text("Cooking")
    page.get_by_label("Search your talks").fill("slow")
    expect(page.locator(".entry:visible")).to_contain_text("Trains")


def test_a_turn_with_replaced_words_that_could_not_be_checked_says_so(page: Page):
    why = "Nobody could look for mistakes just now."

    def unchecked(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps(answer.json() | {"notCorrected": why}))

    open_talk(page, "Trains")
    page.route("**/messages/*", unchecked)
    replace_words(page, "I took a train.")
    expect(page.locator("li.turn[data-role=user] .unchecked")).to_have_text(why)


def test_a_talk_that_loads_late_does_not_replace_the_one_chosen_after_it(page: Page):
    asked = hold_back(page, "GET", "**/api/conversations/conv-*")
    page.locator(".entry", has_text="Cooking").locator("a").click()
    eventually(page, lambda: asked)
    page.locator(".entry", has_text="Trains").locator("a").click()
    eventually(page, lambda: len(asked) == 2)
    asked[1].continue_()
    expect(page.locator("#detail-title")).to_have_text("Trains")
    with page.expect_response(asked[0].request.url):
        asked[0].continue_()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    assert page.locator("#detail-title").inner_text() == "Trains"


# Data of older clients


GOOD = {"strengths": ["You told a whole story."], "componentScores": {"grammar": 74}}
ODD = [
    GOOD | {"unmeasured": None, "suggestions": None, "improvements": None, "finalScore": None, "feedback": None},
    GOOD
    | {"unmeasured": [], "suggestions": [None, 3, "x", {}, [], {"original": {}}], "improvements": 4, "finalScore": []},
    GOOD
    | {"suggestions": {"original": "a"}, "improvements": "none", "feedback": ["fine"], "score": 12, "by": {"a": []}},
    {"strengths": [None, 3, {}, "You told a whole story.", []], "componentScores": {"grammar": 74, "fluency": "good"}},
]


@pytest.mark.parametrize("analysis", ODD)
def test_usable_parts_of_an_odd_analysis_are_shown(page: Page, server: AgentServer, analysis: dict):
    talk = conversation(3, "Rivers", "I swam.") | {"analysis": analysis}
    assert page.request.post(f"{server.url}/api/conversations", data=talk).ok
    page.goto(f"{server.url}/history/{talk['id']}")
    expect(page.locator("#feedback .score", has_text="Grammar")).to_contain_text("74 of 100")
    expect(page.locator("#feedback li", has_text="You told a whole story.")).to_be_visible()
    expect(page.locator("li.turn")).to_have_count(2)
    assert toasts(page) == ""


@pytest.mark.parametrize("analysis", [None, [], [1, {"a": 2}], 7, "good", True, {}, {"componentScores": [1, 2]}])
def test_a_talk_is_shown_if_its_analysis_cannot_be(page: Page, analysis: object):
    def odd(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["conversation"]["analysis"] = analysis
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/api/conversations/conv-*", odd)
    open_talk(page, "Cooking")
    expect(page.locator("li.turn")).to_have_count(2)
    expect(page.locator("#feedback")).to_be_hidden()
    assert toasts(page) == ""


def test_an_odd_level_does_not_hide_the_talks(page: Page, server: AgentServer):
    talk = conversation(4, "Boats", "I rowed.")
    talk["config"] |= {"level": 3}
    assert page.request.post(f"{server.url}/api/conversations", data=talk).ok
    page.reload()
    expect(page.locator(".entry", has_text="Boats")).to_contain_text("1 turn")
    open_talk(page, "Boats")


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


def test_settings_survive_a_reload(page: Page, server: AgentServer):
    page.get_by_role("button", name="Settings").click()
    page.locator("#setting-level").select_option("C1")
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
def test_no_page_is_wider_than_the_window_or_logs_errors(server: AgentServer, path: str, width: int):
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{server.url}{path}", wait_until="networkidle")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert [each for each in complaints if "404" not in each] == []


def test_a_talk_can_be_started_with_the_keyboard_alone(server: AgentServer):
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
