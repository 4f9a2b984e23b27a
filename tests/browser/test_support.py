"""A learner in despair sees, in Chromium, where to call, and nothing of what they said is corrected."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.axe import violations
from tests.browser.chromium import WITHIN, chromium
from tests.browser.test_talk import start_talking
from tests.servers import AgentServer

SAID = "I feel so sad and I want to die."


@pytest.mark.parametrize("viewport", [{"width": 390, "height": 844}], ids=["narrow"])
def test_a_card_shows_the_lines_of_the_browsers_country(server: AgentServer, viewport: ViewportSize):
    with chromium() as browser:
        context = browser.new_context(viewport=viewport, locale="de-DE", permissions=["microphone"])
        page = context.new_page()
        start_talking(page, server)
        say_typed(page, SAID)
        card = page.get_by_role("complementary", name="Someone to talk to")
        expect(card).to_be_visible(timeout=WITHIN)
        expect(page.locator("li.turn[data-role=assistant]").last).to_contain_text(
            "I'm sorry, that sounds very serious."
        )
        line = card.get_by_role("link", name="0800 111 0 111")
        expect(line).to_have_attribute("href", "tel:08001110111")
        expect(card.get_by_role("link", name="findahelpline.com")).to_have_attribute(
            "href", "https://findahelpline.com"
        )
        assert page.locator("#type-text").evaluate("field => field === document.activeElement")
        assert violations(page) == []
        # It is reached, used and left with the keyboard alone.
        line.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(card).to_be_hidden()
        expect(page.locator("#talk-title")).to_be_focused()
        expect(page.locator("li.turn .correction")).to_have_count(0)
        page.get_by_role("button", name="End talk").click()
        expect(page.locator("#summary-no-corrections")).to_be_visible(timeout=WITHIN)


def say_typed(page: Page, text: str) -> None:
    page.get_by_role("button", name="Type").click()
    page.locator("#type-text").fill(text)
    page.locator("#type-text").press("Enter")
