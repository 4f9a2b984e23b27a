"""The connection, the page, the server or the microphone fails during a turn, and the turn is still saved once."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from bench.wer import word_error_rate
from tests.browser import hardware
from tests.browser.chromium import WITHIN, eventually, expect_states
from tests.browser.microphone import begin_to_say, say
from tests.browser.test_talk import choose_and_start, conversation, kept, start_talking
from tests.servers import AgentServer
from tests.talking import SPEECH, silence, spoken

SAID = "My brother has went to London last week."


def hold_and_speak(page: Page) -> None:
    """Speak with the button held, and do not release it."""
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    expect(page.locator("#main")).to_have_attribute("data-state", "recording", timeout=WITHIN)
    say(page, spoken("learner_london"))


def speak_until_the_server_is_killed(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    hold_and_speak(page)
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


def test_the_server_is_killed_while_the_learner_speaks(page: Page, own_server: AgentServer):
    speak_until_the_server_is_killed(page, own_server)
    expect(page.locator("#connection-notice")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#outbox-status")).to_contain_text("1")
    own_server.start()
    wait_until_sent_again(page, own_server)
    assert users_turns(page, own_server) == [SAID]
    expect(page.locator("#outbox-status")).not_to_contain_text("waiting", timeout=WITHIN)


@pytest.mark.soak
def test_the_page_is_reloaded_before_the_turn_was_saved(page: Page, own_server: AgentServer):
    speak_until_the_server_is_killed(page, own_server)
    # The browser keeps the turn.
    expect(page.locator("#outbox-status")).to_contain_text("1")
    own_server.start()
    page.reload()
    wait_until_sent_again(page, own_server)
    assert users_turns(page, own_server) == [SAID]


def test_the_page_is_closed_while_the_learner_speaks(page: Page, own_server: AgentServer):
    start_talking(page, own_server)
    hold_and_speak(page)
    address = page.url
    page.close()
    again = page.context.new_page()
    again.goto(address)
    wait_until_sent_again(again, own_server)
    assert users_turns(again, own_server) == [SAID]


def test_the_server_is_killed_while_the_agent_answers_hands_free(page: Page, own_server: AgentServer):
    start_talking(page, own_server)
    page.get_by_role("switch", name="Hands-free").check()
    expect_states(page, "agent", "ready")
    say(page, spoken("learner_london"))
    page.wait_for_selector("li.turn[data-role=user]", timeout=WITHIN)
    expect(page.locator("li.turn[data-role=user] .turn-text")).not_to_be_empty(timeout=WITHIN)
    own_server.kill()
    own_server.start()
    wait_until_sent_again(page, own_server)
    assert users_turns(page, own_server) == [SAID]


def test_hands_free_turns_without_a_connection_are_saved_once_and_in_order(page: Page, own_server: AgentServer):
    london, family = spoken("learner_london"), spoken("learner_family")
    start_talking(page, own_server)
    page.get_by_role("switch", name="Hands-free").check()
    expect_states(page, "agent", "ready")
    begin_to_say(page, london, silence(3))
    expect_states(page, "recording")
    # The server goes down during the first sentence, stays down during the second, and is back during the third.
    own_server.kill()
    expect(page.locator("#state-text")).to_have_text("Go on, it is kept here.", timeout=WITHIN)
    say(page, family, silence(3))
    begin_to_say(page, london)
    own_server.start()
    eventually(page, lambda: page.locator("li.turn[data-role=user] .turn-text:not(:empty)").count() >= 3)
    expect(page.locator("#outbox-status")).not_to_contain_text("waiting", timeout=WITHIN)
    wait_until_sent_again(page, own_server)
    eventually(page, lambda: len(users_turns(page, own_server)) >= 3)
    # Wait, so that a duplicate would arrive.
    page.wait_for_timeout(2000)
    said = users_turns(page, own_server)
    assert len(said) == 3, said
    assert said[0] == said[2] == SAID
    assert "big house" in said[1] or "live" in said[1], said


@pytest.mark.soak
def test_a_sentence_stays_one_turn_when_the_connection_breaks_and_returns(page: Page, own_server: AgentServer):
    start_talking(page, own_server)
    page.get_by_role("switch", name="Hands-free").check()
    expect_states(page, "agent", "ready")
    begin_to_say(page, spoken("librivox_0870"))
    expect_states(page, "recording")
    page.context.set_offline(True)
    page.wait_for_timeout(1500)
    page.context.set_offline(False)
    wait_until_sent_again(page, own_server)
    page.wait_for_timeout(3000)
    (said,) = users_turns(page, own_server)
    sentence = json.loads((SPEECH / "transcripts.json").read_text())["librivox_0870.wav"]
    assert word_error_rate(sentence, said) <= 0.15


def test_turns_that_the_server_lost_in_a_crash_disappear_from_the_page(page: Page, own_server: AgentServer):
    choose_and_start(page, own_server)
    expect(page.locator("li.turn[data-role=assistant] .turn-text").first).not_to_be_empty(timeout=WITHIN)
    # The first turn is not saved yet.
    own_server.kill()
    # The page tries several times to reconnect.
    page.wait_for_timeout(3000)
    own_server.start()
    expect(page.locator("#connection-notice")).to_be_hidden(timeout=WITHIN)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)

    def kept() -> list[str]:
        return [each["id"] for each in conversation(page, own_server)["messages"]]

    def shown() -> list[str]:
        turns: list[str] = page.locator("li.turn").evaluate_all("turns => turns.map((turn) => turn.dataset.item)")
        return turns

    eventually(page, lambda: shown() == kept())


def test_the_learners_own_topic_is_kept_when_the_first_turn_is_sent_again(page: Page, own_server: AgentServer):
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


@pytest.mark.parametrize("how", ["hands-free", pytest.param("held", marks=pytest.mark.soak)])
def test_a_turn_is_answered_when_its_microphone_is_unplugged(page: Page, server: AgentServer, how: str):
    # The learner speaks on, so that no pause can end the turn.
    speech = [spoken("librivox_0870")] * 15
    page.add_init_script(hardware.COUNTED_TRACKS)
    choose_and_start(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready")
    if how == "hands-free":
        page.get_by_role("switch", name="Hands-free").check()
    else:
        page.locator("#talk-button").hover()
        page.mouse.down()
    begin_to_say(page, *speech)
    expect(page.locator("#main")).to_have_attribute("data-state", "recording")
    page.wait_for_timeout(4000)
    page.evaluate("() => { tracks[0].stop(); tracks[0].dispatchEvent(new Event('ended')); }")
    expect(page.locator("#microphone-help")).to_contain_text("No microphone was found")
    expect(page.locator("li.turn[data-role=user] .turn-text")).not_to_be_empty()
    expect(page.locator("li.turn[data-role=assistant]")).to_have_count(2)
    if how == "held":
        page.mouse.up()
    expect(page.locator("#main")).to_have_attribute("data-state", "ready")
    assert [each["role"] for each in kept(page, server, 3)] == ["assistant", "user", "assistant"]
