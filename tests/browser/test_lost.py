"""The connection, the page or the server goes away in the middle of a turn: what was said is sent again, and is there once."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from bench.wer import word_error_rate
from tests.browser.chromium import OPENING_S, WITHIN, chromium, eventually, expect_been, microphone_file, one_turn
from tests.browser.test_talk import choose_and_start, conversation, start_talking
from tests.servers import AgentServer
from tests.talking import SPEECH, silence, spoken

SAID = "My brother has went to London last week."


def hold_through_the_clip(page: Page) -> None:
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    page.wait_for_timeout((OPENING_S + 1) * 1000)


def speak_until_the_server_is_killed(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    hold_through_the_clip(page)
    server.kill()
    page.keyboard.up("Space")


def users_turns(page: Page, server: AgentServer) -> list[str]:
    return [each["content"] for each in conversation(page, server)["messages"] if each["role"] == "user"]


def wait_until_sent_again(page: Page, server: AgentServer) -> None:
    (wire_id,) = re.findall(r"conversation=([^&]+)", page.url)
    for _ in range(240):
        answer = page.request.get(f"{server.url}/api/conversations/{wire_id}")
        if answer.ok and any(each["role"] == "user" for each in answer.json()["conversation"]["messages"]):
            return
        page.wait_for_timeout(500)
    raise AssertionError("The turn was not sent again.")


def test_the_server_is_killed_while_the_learner_speaks(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "learner_london")) as browser:
        page = browser.new_page()
        speak_until_the_server_is_killed(page, own_server)
        expect(page.locator("#connection-notice")).to_be_visible(timeout=WITHIN)
        expect(page.locator("#outbox-status")).to_contain_text("1")
        own_server.start()
        wait_until_sent_again(page, own_server)
        assert users_turns(page, own_server) == [SAID]
        expect(page.locator("#outbox-status")).not_to_contain_text("waiting", timeout=WITHIN)


def test_the_page_is_reloaded_before_the_turn_was_saved(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "learner_london")) as browser:
        page = browser.new_page()
        speak_until_the_server_is_killed(page, own_server)
        expect(page.locator("#outbox-status")).to_contain_text("1")  # it is kept in the browser
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
        expect_been(page, "agent")
        page.wait_for_selector("li.turn[data-role=user]", timeout=WITHIN)
        expect(page.locator("li.turn[data-role=user] .turn-text")).not_to_be_empty(timeout=WITHIN)
        own_server.kill()
        own_server.start()
        wait_until_sent_again(page, own_server)
        assert users_turns(page, own_server) == [SAID]


def test_what_is_said_hands_free_while_the_line_is_away_is_kept_in_order_and_once(
    own_server: AgentServer, tmp_path: Path
):
    london, family = spoken("learner_london"), spoken("learner_family")
    heard = microphone_file(
        tmp_path / "mic.wav", silence(OPENING_S), london, silence(3), family, silence(3), london, silence(30)
    )
    with chromium(heard) as browser:
        page = browser.new_page()
        start_talking(page, own_server)
        page.get_by_role("switch", name="Hands-free").check()
        expect_been(page, "recording")
        own_server.kill()  # in the middle of the first sentence; the second is said, and the third begins, without a server
        expect(page.locator("#state-text")).to_have_text("Go on, it is kept here.", timeout=WITHIN)
        page.wait_for_timeout((len(london) + len(family)) / 48 + 7000)
        own_server.start()
        eventually(page, lambda: page.locator("li.turn[data-role=user] .turn-text:not(:empty)").count() >= 3)
        expect(page.locator("#outbox-status")).not_to_contain_text("waiting", timeout=WITHIN)
        wait_until_sent_again(page, own_server)
        eventually(page, lambda: len(users_turns(page, own_server)) >= 3)
        page.wait_for_timeout(2000)  # for one that would be sent twice
        said = users_turns(page, own_server)
        assert len(said) == 3, said
        assert said[0] == said[2] == SAID
        assert "big house" in said[1] or "live" in said[1], said


def test_a_sentence_during_which_the_line_breaks_and_comes_back_stays_one(own_server: AgentServer, tmp_path: Path):
    with chromium(one_turn(tmp_path / "mic.wav", "librivox_0870")) as browser:
        page = browser.new_page()
        start_talking(page, own_server)
        page.get_by_role("switch", name="Hands-free").check()
        expect_been(page, "recording")
        page.context.set_offline(True)
        page.wait_for_timeout(1500)
        page.context.set_offline(False)
        wait_until_sent_again(page, own_server)
        page.wait_for_timeout(3000)
        (said,) = users_turns(page, own_server)
        whole = json.loads((SPEECH / "transcripts.json").read_text())["librivox_0870.wav"]
        assert word_error_rate(whole, said) <= 0.15


def test_what_the_server_forgot_in_a_crash_leaves_the_page(own_server: AgentServer, tmp_path: Path):
    with chromium(microphone_file(tmp_path / "mic.wav", silence(60))) as browser:
        page = browser.new_page()
        choose_and_start(page, own_server)
        expect(page.locator("li.turn[data-role=assistant] .turn-text").first).not_to_be_empty(timeout=WITHIN)
        own_server.kill()  # before the first turn is saved
        page.wait_for_timeout(3000)  # several attempts fail
        own_server.start()
        expect(page.locator("#connection-notice")).to_be_hidden(timeout=WITHIN)
        expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)

        def kept() -> list[str]:
            return [each["id"] for each in conversation(page, own_server)["messages"]]

        def shown() -> list[str]:
            turns: list[str] = page.locator("li.turn").evaluate_all("turns => turns.map((turn) => turn.dataset.item)")
            return turns

        eventually(page, lambda: shown() == kept())


def test_ones_own_topic_is_kept_when_the_first_turn_is_sent_again(own_server: AgentServer, tmp_path: Path):
    with chromium(microphone_file(tmp_path / "mic.wav", silence(60))) as browser:
        page = browser.new_page()
        page.route_web_socket(re.compile("/v1/realtime"), lambda line: line.close(code=1013))
        page.route("**/turns", lambda request: request.abort())
        page.goto(own_server.url)
        page.get_by_role("radio", name="My own topic").first.check()
        page.get_by_label("What do you want to talk about?").fill("My stamp collection")
        page.get_by_role("button", name="Start talking").click()
        page.get_by_role("button", name="Type").click()
        page.get_by_label("Type what you want to say").fill("I collect stamps.")
        page.keyboard.press("Enter")
        expect(page.locator("li.turn[data-role=user]")).to_contain_text("waiting to be saved")
        expect(page.locator("#outbox-status")).to_contain_text("1 turn waiting")
        page.unroute("**/turns")
        wait_until_sent_again(page, own_server)
        kept = conversation(page, own_server)
        assert kept["config"]["scenario"] == "own-topic"
        assert "My stamp collection" in json.dumps(kept)
