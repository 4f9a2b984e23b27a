"""The start page shows the partner, topics and a speed that fit the level, and the available languages."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocket, expect

from tests.browser.chromium import WITHIN, chromium, eventually
from tests.browser.test_feedback import relayed
from tests.browser.test_talk import start_talking
from tests.servers import AgentServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


def open_start(page: Page, server: AgentServer) -> None:
    page.goto(server.url)
    page.wait_for_selector(".scenario")


def choose_level(page: Page, level: str) -> None:
    page.locator("#level-options label", has=page.locator(f"[value={level}]")).click()


def topic(page: Page) -> Any:
    return page.locator(".scenario", has=page.locator("input:checked"))


# The topic


def test_the_default_topic_follows_the_level(page: Page, server: AgentServer):
    open_start(page, server)
    for level in ("A1", "B2", "A2"):
        choose_level(page, level)
        expect(topic(page).locator(".scenario-facts")).to_have_text(level)
        expect(page.locator("#start-level")).to_have_text(f"at level {level}")
    page.get_by_role("button", name="Settings").click()
    page.locator("#setting-level").select_option("C1")
    page.get_by_role("button", name="Close settings").click()
    expect(topic(page).locator(".scenario-facts")).to_have_text("C1")
    expect(page.locator("#announcer")).to_contain_text("The topic is now")


def test_a_topic_of_the_level_is_offered_again_after_a_talk(page: Page, server: AgentServer):
    start_talking_as_offered(page, server)
    open_start(page, server)
    choose_level(page, "A1")
    expect(topic(page).locator(".scenario-facts")).to_have_text("A1")


def start_talking_as_offered(page: Page, server: AgentServer) -> None:
    open_start(page, server)
    page.get_by_role("button", name="Start talking").click()
    expect(page.locator("#main")).to_have_attribute("data-view", "conversation")


def test_a_chosen_topic_stays(page: Page, server: AgentServer):
    open_start(page, server)
    page.locator(".scenario", has=page.locator("[value=environment]")).click()
    choose_level(page, "A1")
    expect(page.locator("input[value=environment]")).to_be_checked()
    page.reload()
    page.wait_for_selector(".scenario")
    choose_level(page, "A2")
    expect(page.locator("input[value=environment]")).to_be_checked()
    # A filter that hides the topic deselects it. When the topic is shown again, it is selected.
    page.get_by_role("switch", name="Only A2").check()
    expect(topic(page).locator(".scenario-facts")).to_have_text("A2")
    page.get_by_role("switch", name="Only A2").uncheck()
    expect(page.locator("input[value=environment]")).to_be_checked()


def test_a_hidden_topic_cannot_be_started(page: Page, server: AgentServer):
    open_start(page, server)
    choose_level(page, "C1")
    page.locator(".chip", has=page.locator("[value=adventure]")).click()
    page.get_by_role("switch", name="Only C1").check()
    expect(page.locator("#no-scenarios")).to_be_visible()
    expect(page.get_by_role("button", name="Start talking")).to_be_disabled()


# The speed


def speeds(page: Page) -> list[float]:
    """Return the speed of each `session.updated` in the page's talks."""
    sent: list[float] = []

    def received(frame: str | bytes) -> None:
        event = json.loads(frame)
        if event["type"] == "session.updated":
            sent.append(event["session"]["audio"]["output"]["speed"])

    def opened(line: WebSocket) -> None:
        line.on("framereceived", received)

    page.on("websocket", opened)
    return sent


@pytest.mark.parametrize(("level", "speed"), [("A1", 0.8), ("A2", 0.9), ("B1", 1.0), ("C1", 1.0)])
def test_the_voice_is_slower_at_the_lower_levels(page: Page, server: AgentServer, level: str, speed: float):
    sent = speeds(page)
    open_start(page, server)
    choose_level(page, level)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#setting-speed-value")).to_have_text(f"{speed:.1f}\u00d7, by level")
    page.get_by_role("button", name="Close settings").click()
    page.get_by_role("button", name="Start talking").click()
    eventually(page, lambda: sent)
    assert sent[-1] == speed


def test_a_chosen_speed_stays(page: Page, server: AgentServer):
    sent = speeds(page)
    open_start(page, server)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("How fast the agent speaks").fill("1")
    expect(page.locator("#setting-speed-value")).to_have_text("1.0\u00d7")
    page.get_by_role("button", name="Close settings").click()
    page.reload()
    page.wait_for_selector(".scenario")
    choose_level(page, "A1")
    page.get_by_role("button", name="Start talking").click()
    eventually(page, lambda: sent)
    assert sent[-1] == 1.0
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Let the speed follow my level").check()
    eventually(page, lambda: sent[-1] == 0.8)


def test_settings_of_the_first_version_do_not_count_as_a_chosen_speed(page: Page, server: AgentServer):
    page.goto(server.url)
    page.evaluate("localStorage.setItem('settings', JSON.stringify({ level: 'A1', speed: 1, handsFree: true }))")
    page.reload()
    expect(page.locator("#setting-speed-value")).to_have_text("0.8\u00d7, by level")
    expect(page.locator("#setting-hands-free")).to_be_checked()


# The partner


def test_the_embedded_partner_is_described_with_its_capabilities(page: Page, server: AgentServer):
    open_start(page, server)
    expect(page.locator("#partner")).to_contain_text("a guided program on this site's own computer")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("How fast the agent speaks")).to_be_visible()
    expect(page.get_by_label("Explanations in")).to_have_count(0)
    page.get_by_role("button", name="Close settings").click()
    start_talking(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    expect(page.get_by_role("button", name="Replay what the agent said")).to_be_visible(timeout=WITHIN)
    expect(page.get_by_role("button", name="Translate")).to_have_count(0)


@pytest.mark.parametrize("engine", ["openai_realtime", "openai_pipeline"])
def test_a_model_and_its_provider_are_named(page: Page, served_by: Callable[[str], AgentServer], engine: str):
    server = served_by(engine)
    open_start(page, server)
    partner = page.request.get(f"{server.url}/api/scenarios").json()["partner"]
    expect(page.locator("#partner")).to_contain_text("a language model")
    expect(page.locator("#partner")).to_contain_text(partner["model"])
    expect(page.locator("#partner")).to_contain_text("is sent to this site's own computer")
    expect(page.locator("#partner")).to_contain_text("a guided program on this site's own computer goes on")


def test_a_translation_is_in_the_language_of_the_browser_or_of_the_explanations(
    browser: Browser, served_by: Callable[[str], AgentServer]
):
    server = served_by("openai_realtime")
    context = browser.new_context(locale="vi-VN")
    page = context.new_page()
    open_start(page, server)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#setting-language-note")).to_contain_text("into Vietnamese")
    expect(page.get_by_label("Explanations in")).to_have_value("en")
    for locale, chosen, into in (("es-MX", "en", "es"), ("fr", "en", "vi"), ("vi", "es", "es"), ("es", "vi", "vi")):
        spoken = browser.new_context(locale=locale, service_workers="block")
        page = spoken.new_page()
        page.add_init_script(f"localStorage.setItem('settings', JSON.stringify({{ language: '{chosen}' }}))")
        page.route("**/history", with_spanish)
        page.goto(f"{server.url}/history")
        target = page.evaluate(
            "async () => (await import([...performance.getEntriesByType('resource')].map((one) => one.name)"
            ".find((name) => name.includes('/translations.')))).target()"
        )
        assert target == into, locale
        spoken.close()
    context.close()


def with_spanish(route: Route) -> None:
    """Open the page of an installation with one more language file."""
    answer = route.fetch()
    body = re.sub(r'data-translations="[^"]*"', 'data-translations="en vi es "', answer.text())
    route.fulfill(response=answer, body=body)


# Continuing


def test_an_ended_talk_can_be_continued(page: Page, server: AgentServer):
    start_talking(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.get_by_role("button", name="End talk").click()
    page.get_by_role("button", name="Go on talking").click()
    expect(page.locator("#main")).to_have_attribute("data-view", "conversation")
    page.get_by_role("button", name="Type", exact=True).click()
    page.get_by_label("Type what you want to say").fill("I went to Rome last year.")
    page.keyboard.press("Enter")
    answer = page.locator("li.turn[data-role=user] ~ li.turn[data-role=assistant]")
    expect(answer.first).not_to_be_empty(timeout=WITHIN)
    expect(page.locator("#main")).to_have_attribute("data-view", "conversation")
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#summary-turns")).to_have_text("1")


def test_a_goodbye_after_the_end_does_not_end_it_again(page: Page, server: AgentServer):
    tell, _ = relayed(page)
    start_talking(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    tell({"type": "talk.ended"})
    expect(page.locator("#main")).to_have_attribute("data-view", "summary", timeout=WITHIN)
    page.get_by_role("button", name="Go on talking").click()
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    tell({"type": "talk.ended"})
    expect(page.locator(".dialogue-note")).to_contain_text("Go on if you like, or end the talk")
    expect(page.locator("#main")).to_have_attribute("data-view", "conversation")
