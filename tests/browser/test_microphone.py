"""The page reports a microphone that does not open although the learner has allowed it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import hardware
from tests.browser.chromium import chromium, new_page
from tests.browser.test_talk import choose_and_start
from tests.servers import AgentServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_a_hanging_microphone_is_not_reported_as_an_open_permission_request(
    browser: Browser, server: AgentServer
) -> None:
    context = browser.new_context()
    page = new_page(context)
    page.add_init_script(f"{hardware.HELD_MICROPHONE}; {hardware.ALLOWED}")
    choose_and_start(page, server)
    expect(page.locator("#state-text")).to_have_text("Your microphone takes long to open. Until then you can type.")
    expect(page.get_by_label("Type what you want to say")).to_be_visible()
    # The page gives up after 20 s.
    expect(page.locator("#microphone-help h2")).to_have_text(re.compile("The microphone can.t be opened"))
    expect(page.locator("li.turn[data-role=assistant] .turn-text").first).not_to_be_empty()
    page.close()
    context.close()
