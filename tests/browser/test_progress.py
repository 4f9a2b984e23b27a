"""A learner sees progress, chooses a goal, starts what is suggested for today, and finds a level."""

import re
from collections.abc import Sequence

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import WITHIN
from tests.servers import AgentServer
from tests.talking import SPEECH

CLIPS = ("learner_london", "learner_family", "learner_park", "learner_canada")
ANSWERS = (
    "I live in a small town near the sea, and it is very quiet because there are no tourists in winter.",
    "I go to work by bus, then I cook dinner, and in the evening I read or watch a film with my brother.",
    "Last weekend we went to my grandmother and we eated a lot of cake. Yesterday I go to the market.",
    "I think it is better to live in a city because you can find work and you don't have to drive a car.",
    "If I had a year without work, I would travel to Canada and learn how to build a house of wood.",
)


def talk_aloud(page: Page, server: AgentServer, count: int = 3) -> None:
    """Let the page's learner have talks with real speech, through the same cookie."""
    page.goto(f"{server.url}/history")
    cookies = {str(each.get("name")): str(each.get("value")) for each in page.context.cookies()}
    with httpx.Client(base_url=f"{server.url}/api/", cookies=cookies, timeout=60) as client:
        for number in range(count):
            for clip in CLIPS[number % 2 :: 2]:
                audio = {"audio": ("turn.wav", (SPEECH / f"{clip}.wav").read_bytes())}
                fields = {"scenario": "travel", "level": "B1"}
                answer = client.post(f"conversations/talk-{number}/turns", data=fields, files=audio)
                assert answer.is_success, answer.text


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_progress_is_shown_in_charts_and_tables(page: Page, server: AgentServer, scheme: str, width: int):
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    talk_aloud(page, server)
    page.goto(f"{server.url}/progress")
    pace = page.locator(".measure", has_text="How fast you speak")
    expect(pace.locator("strong")).to_have_text(re.compile(r"^\d\.\d$"), timeout=WITHIN)
    expect(pace.get_by_role("img", name="Pace")).to_be_visible()
    expect(page.locator("#days li[data-practised=true]")).to_have_count(1)
    expect(page.locator("#days-text")).to_have_text("You practised on 1 day.")
    summary = pace.locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(pace.get_by_role("rowheader")).to_have_count(1)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_talks_the_page_invites_to_one(page: Page, server: AgentServer):
    page.goto(f"{server.url}/progress")
    expect(page.get_by_role("link", name="Start a talk")).to_be_visible(timeout=WITHIN)
    assert violations(page) == []


def test_the_goal_changes_the_talk_of_today_which_starts_at_once(page: Page, server: AgentServer):
    page.goto(server.url)
    card = page.get_by_role("region", name="Today")
    expect(card).to_be_visible(timeout=WITHIN)
    assert violations(page) == []
    with page.expect_response(re.compile("/api/today")) as answer:
        card.get_by_label("I practise for").select_option("work")
    title = answer.value.json()["talk"]["title"]
    expect(card.locator("#today-talk-item strong")).to_have_text(title)
    page.reload()
    expect(card.get_by_label("I practise for")).to_have_value("work", timeout=WITHIN)
    card.get_by_role("button", name="Start this talk").click()
    expect(page.locator("#talk-title")).to_have_text(title)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


def type_answers(page: Page, texts: Sequence[str]) -> None:
    if page.locator("#type-form").is_hidden():
        page.get_by_role("button", name="Type", exact=True).click()
    for number, text in enumerate(texts, 1):
        page.get_by_label("Type what you want to say").fill(text)
        page.keyboard.press("Enter")
        expect(page.locator("li.turn[data-role=assistant]")).to_have_count(number + 1, timeout=WITHIN)
        expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


def test_an_exam_shows_its_parts_and_the_time_to_prepare(page: Page, server: AgentServer):
    page.goto(f"{server.url}/?scenario=exam-speaking")
    page.get_by_role("button", name="Start talking").click(timeout=WITHIN)
    expect(page.locator("#exam-part")).to_have_text("Part 1 of 3: Questions about you", timeout=WITHIN)
    expect(page.locator("#exam-time")).to_have_text(re.compile(r"^\d:\d\d left$"))
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    type_answers(page, ANSWERS[:4])
    expect(page.locator("#exam-part")).to_have_text("Part 2 of 3: A long turn")
    expect(page.locator("#exam-time")).to_have_text(re.compile(r"^\d:\d\d to prepare$"))
    assert violations(page) == []
    page.get_by_role("button", name="I'm ready to speak").click()
    expect(page.locator("#exam-time")).to_have_text(re.compile(r"^\d:\d\d left$"))


def test_a_placement_talk_ends_with_a_level_and_what_was_not_measured(page: Page, server: AgentServer):
    page.goto(server.url)
    page.get_by_role("button", name="Find my level").click(timeout=WITHIN)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    type_answers(page, ANSWERS)
    page.get_by_role("button", name="End talk").click()
    level = page.locator("#placement-level")
    expect(level).to_have_text(re.compile(r"Your level is about [ABC][12]\. It may be"), timeout=WITHIN)
    expect(page.locator("#placement-evidence")).to_contain_text("Typed words say nothing about it.")
    expect(page.locator("#placement-not")).to_contain_text("pronunciation")
    assert violations(page) == []
    page.get_by_role("button", name=re.compile("^Practise at")).click()
    found = re.search(r"about ([ABC][12])", level.text_content() or "")
    assert found
    page.goto(server.url)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#setting-level")).to_have_value(found[1])
