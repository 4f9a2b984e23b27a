"""The connection, the page or the server goes away in the middle of a turn: what was said is sent again, and is there once."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chromium import OPENING_S, chromium, microphone_file, one_turn
from tests.browser.test_talk import WITHIN, conversation, start_talking
from tests.servers import AgentServer
from tests.talking import silence, spoken

SAID = "My brother has went to London last week."


def hold_through_the_clip(page: Page) -> None:
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    page.wait_for_timeout((OPENING_S + 1) * 1000)


def users_turns(page: Page, server: AgentServer) -> list[str]:
    return [each["content"] for each in conversation(page, server)["messages"] if each["role"] == "user"]


def wait_until_sent_again(page: Page, server: AgentServer) -> None:
    (wire_id,) = re.findall(r"conversation=([^&]+)", page.url)
    for _ in range(80):
        answer = page.request.get(f"{server.url}/api/conversations/{wire_id}")
        if answer.ok and any(each["role"] == "user" for each in answer.json()["conversation"]["messages"]):
            return
        page.wait_for_timeout(500)
    raise AssertionError("The turn was not sent again.")


def test_the_server_is_killed_while_the_learner_speaks(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "learner_london")) as browser:
        page = browser.new_page()
        start_talking(page, own_server)
        hold_through_the_clip(page)
        own_server.kill()
        page.keyboard.up("Space")
        expect(page.locator("#connection-notice")).to_be_visible(timeout=WITHIN)
        expect(page.locator("#outbox-status")).to_contain_text("1")
        own_server.start()
        wait_until_sent_again(page, own_server)
        assert users_turns(page, own_server) == [SAID]
        expect(page.locator("#outbox-status")).not_to_contain_text("waiting", timeout=WITHIN)


def test_the_page_is_reloaded_before_the_turn_was_saved(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "learner_london")) as browser:
        page = browser.new_page()
        start_talking(page, own_server)
        hold_through_the_clip(page)
        own_server.kill()
        page.keyboard.up("Space")
        page.wait_for_timeout(500)
        own_server.start()
        page.reload()
        wait_until_sent_again(page, own_server)
        assert users_turns(page, own_server) == [SAID]


def test_the_page_is_closed_while_the_learner_speaks(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "learner_london")) as browser:
        context = browser.new_context()
        page = context.new_page()
        start_talking(page, own_server)
        hold_through_the_clip(page)
        address = page.url
        page.close()
        again = context.new_page()
        again.goto(address)
        wait_until_sent_again(again, own_server)
        assert users_turns(again, own_server) == [SAID]


def test_the_server_is_killed_while_the_agent_answers_hands_free(own_server: AgentServer, tmp_path: Path):
    london = spoken("learner_london")
    with chromium(microphone_file(tmp_path / "mic.wav", silence(OPENING_S), london, silence(30))) as browser:
        page = browser.new_page()
        start_talking(page, own_server)
        page.get_by_role("switch", name="Hands-free").check()
        expect(page.locator("#main")).to_have_attribute("data-state", "agent", timeout=WITHIN)
        page.wait_for_selector("li.turn[data-role=user]", timeout=WITHIN)
        expect(page.locator("li.turn[data-role=user] .turn-text")).not_to_be_empty(timeout=WITHIN)
        own_server.kill()
        own_server.start()
        wait_until_sent_again(page, own_server)
        assert users_turns(page, own_server) == [SAID]
