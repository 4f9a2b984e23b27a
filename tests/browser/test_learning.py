"""A mistake of a talk comes back in a review, is said right by voice, and is noticed when it is right in the next talk."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from core.json_types import Json
from tests.browser.axe import violations
from tests.browser.chromium import WITHIN
from tests.browser.microphone import say
from tests.browser.test_talk import choose_and_start, start_talking
from tests.servers import AgentServer
from tests.sound import spoken
from tests.talking import silence

WRONG, RIGHT = "My brother work in London.", "My brother works in London."


def type_turn(page: Page, text: str) -> None:
    page.get_by_role("button", name="Type", exact=True).click()
    page.get_by_label("Type what you want to say").fill(text)
    page.keyboard.press("Enter")


def wait_for_answer(page: Page) -> None:
    """Wait until the agent has answered the learner's turn.

    Do not count the agent's turns: if the learner is faster than the greeting, the greeting disappears.
    """
    answered = page.locator("li.turn[data-role=user] ~ li.turn[data-role=assistant] .turn-text")
    expect(answered.first).not_to_be_empty(timeout=WITHIN)


def hold(page: Page, *parts: bytes) -> None:
    """Say this while the button of the review is held."""
    page.locator("#hold").dispatch_event("pointerdown", {"button": 0, "pointerId": 1})
    expect(page.locator("#hold-label")).to_have_text("I'm listening…", timeout=WITHIN)
    say(page, *parts)
    page.locator("#hold").dispatch_event("pointerup", {"button": 0, "pointerId": 1})


def test_a_mistake_comes_back_until_it_is_right(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    type_turn(page, WRONG)
    expect(page.locator(".correction ins").first).to_contain_text("works", timeout=WITHIN)
    wait_for_answer(page)

    page.goto(f"{server.url}/mistakes")
    expect(page.locator(".mistake ins")).to_contain_text("works", timeout=WITHIN)
    assert violations(page) == []
    page.get_by_role("link", name=re.compile("^Review 1 sentence")).click()

    # In the review: first typed and wrong, then by voice and right.
    expect(page.locator("#card-said")).to_have_text(WRONG, timeout=WITHIN)
    expect(page.locator("#card-title")).to_be_focused()
    assert violations(page) == []
    page.get_by_label("Type the sentence").fill(WRONG)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#outcome")).to_have_attribute("data-kind", "wrong", timeout=WITHIN)
    assert violations(page) == []
    hold(page, spoken(RIGHT), silence(0.3))
    expect(page.locator("#outcome")).to_have_attribute("data-kind", "right", timeout=WITHIN)
    expect(page.locator("#outcome-corrected")).to_have_text(RIGHT)
    expect(page.locator("#hear-own")).to_be_visible()
    page.locator("#hear-better").click()
    expect(page.locator("#hear-better")).to_have_attribute("aria-pressed", "true")
    assert violations(page) == []
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#done-text")).to_contain_text("1 sentence")
    assert violations(page) == []
    page.get_by_role("button", name="More sentences").click()
    expect(page.locator("#empty-text")).to_contain_text("comes back", timeout=WITHIN)
    assert violations(page) == []

    # The next talk, by voice.
    page.goto(server.url)
    choose_and_start(page, server, "food")
    expect(page.locator("li.turn[data-role=assistant] .turn-text").first).not_to_be_empty(timeout=WITHIN)
    page.locator("#talk-button").dispatch_event("pointerdown", {"button": 0, "pointerId": 1})
    expect(page.locator("#main")).to_have_attribute("data-state", "recording", timeout=WITHIN)
    say(page, spoken(RIGHT), silence(0.3))
    page.locator("#talk-button").dispatch_event("pointerup", {"button": 0, "pointerId": 1})
    expect(page.locator(".dialogue-note")).to_contain_text("this time you said it right", timeout=WITHIN)
    wait_for_answer(page)

    page.goto(f"{server.url}/mistakes")
    expect(page.locator(".mistake-facts")).to_contain_text(
        "right\N{NO-BREAK SPACE}in\N{NO-BREAK SPACE}1", timeout=WITHIN
    )
    # The history has the talks, not the review.
    page.goto(f"{server.url}/history")
    expect(page.locator(".entry")).to_have_count(2, timeout=WITHIN)


def test_a_correction_that_was_wrong_is_reported_and_put_back(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    type_turn(page, WRONG)
    expect(page.locator(".correction ins").first).to_contain_text("works", timeout=WITHIN)
    wait_for_answer(page)
    page.goto(f"{server.url}/mistakes")
    page.get_by_role("button", name="Add a sentence").click()
    page.get_by_label("A sentence of your own").fill("My sister works, too.")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Your sentence is kept", timeout=WITHIN)
    page.get_by_role("button", name="All sentences").click()
    expect(page.locator(".occurrences li").first).to_contain_text("My sister works, too.", timeout=WITHIN)
    assert violations(page) == []
    page.get_by_role("button", name="That was right").click()
    expect(page.locator("#mistakes-status")).to_contain_text("None now", timeout=WITHIN)
    page.get_by_role("radio", name="Was right").check(force=True)
    expect(page.locator(".mistake")).to_have_count(1, timeout=WITHIN)
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(".mistake")).to_have_count(0, timeout=WITHIN)
    page.get_by_role("radio", name="Open").check(force=True)
    expect(page.locator(".mistake")).to_have_count(1, timeout=WITHIN)
    # Nothing is wider than a small phone.
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_review_works_with_the_keyboard(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    type_turn(page, WRONG)
    expect(page.locator(".correction ins").first).to_contain_text("works", timeout=WITHIN)
    wait_for_answer(page)
    page.goto(f"{server.url}/review")
    expect(page.locator("#card-title")).to_be_focused(timeout=WITHIN)
    page.locator("#hold").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")
    say(page, spoken(RIGHT), silence(0.3))
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_have_attribute("data-kind", "right", timeout=WITHIN)
    expect(page.locator("#next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#review-done")).to_be_visible()


def test_an_attempt_that_did_not_reach_the_server_is_sent_again(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    type_turn(page, WRONG)
    expect(page.locator(".correction ins").first).to_contain_text("works", timeout=WITHIN)
    wait_for_answer(page)
    page.goto(f"{server.url}/review")
    expect(page.locator("#card-said")).to_have_text(WRONG, timeout=WITHIN)
    page.route("**/attempts", lambda route: route.abort())
    page.get_by_label("Type the sentence").fill(RIGHT)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("button", name="Send it again")).to_be_visible(timeout=WITHIN)
    page.unroute("**/attempts")
    page.get_by_role("button", name="Send it again").click()
    expect(page.locator("#outcome")).to_have_attribute("data-kind", "right", timeout=WITHIN)


PRACTICE = ["review", "mistakes", "progress", "shadowing", "pairs"]


@pytest.mark.parametrize("name", PRACTICE)
def test_pages_of_practice_link_to_each_other(page: Page, server: AgentServer, name: str) -> None:
    page.goto(f"{server.url}/{name}")
    links = page.get_by_role("navigation", name="Practice").get_by_role("link")
    expect(links).to_have_count(len(PRACTICE))
    assert [link.get_attribute("href") for link in links.all() if link.get_attribute("aria-current")] == [f"/{name}"]
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        in_header = page.locator(".site-nav [aria-current]:visible")
        expect(in_header).to_have_count(0 if (name, width) == ("progress", 320) else 1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def test_a_late_answer_does_not_replace_the_chosen_list(page: Page, server: AgentServer) -> None:
    held: list[Route] = []

    def answer(route: Route, said: str) -> None:
        mistake: Json = {
            "id": "1",
            "said": said,
            "better": "b",
            "why": "",
            "category": "",
            "sentence": said,
            "corrected": "b",
        }
        mistake |= {"start": 0, "end": 1, "conversation": "c", "message": "m", "count": 1, "reviews": 0, "uptakes": 0}
        mistake |= {"firstAt": 1, "lastAt": 1, "dueAt": 1, "state": "open"}
        counts = {"all": 2, "due": 1, "open": 1, "gone": 1, "reported": 0}
        route.fulfill(json={"mistakes": [mistake], "next": None, "counts": counts, "unread": 0, "storage": "local"})

    def serve(route: Route) -> None:
        if "state=gone" in route.request.url:
            held.append(route)
        else:
            answer(route, "open")

    page.route("**/api/mistakes?*", serve)
    page.goto(f"{server.url}/mistakes")
    expect(page.locator(".mistake del")).to_have_text("open", timeout=WITHIN)
    with page.expect_request("**/api/mistakes?*state=gone*"):
        page.locator("#states label", has_text="Gone").click()
    with page.expect_response("**/api/mistakes?*state=open*"):
        page.locator("#states label", has_text="Open").click()
    with page.expect_response("**/api/mistakes?*state=gone*"):
        answer(held.pop(), "gone")
    page.wait_for_timeout(200)
    expect(page.locator(".mistake del")).to_have_text("open")
