"""The page shows translations, the duration of answers, the analysis of the talk, and changes during it.

The provider is simulated.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from simulators.openai import Provider
from tests.browser.chromium import WITHIN, chromium, eventually
from tests.browser.microphone import add_microphone, say
from tests.browser.test_history import conversation as earlier
from tests.browser.test_talk import conversation, start_talking
from tests.fixtures import PROVIDER_KEY, served
from tests.servers import AgentServer
from tests.talking import spoken

SCORES = {"fluency": 61, "grammar": 74, "vocabulary": 66, "contentRichness": 58}
ANALYSIS = {
    "scores": SCORES,
    "strengths": ["You told a whole story."],
    "improvements": ["Use the past tense for what is over."],
    "feedback": "You said what happened, and it was easy to follow.",
    "suggestions": [
        {
            **{"type": "sentence", "original": "I go to Rome", "alternative": "I went to Rome"},
            **{"explanation": "It is over.", "category": "past simple"},
        }
    ],
}
SAID = "Last year I go to Rome with my sister."


@pytest.fixture(scope="module")
def talking_server(tmp_path_factory: pytest.TempPathFactory, _provider: Provider) -> Iterator[AgentServer]:
    """Run a server whose engine uses the simulated provider."""
    with served(_server(tmp_path_factory.mktemp("server"), _provider)) as server:
        yield server


def _server(folder: Path, provider: Provider) -> AgentServer:
    env = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": provider.url, "TUTOR_ENGINE": "openai_realtime"}
    server = AgentServer(folder, env)
    server.set_up()
    return server


@pytest.fixture
def scripted(provider: Provider) -> Provider:
    # Typed text has no duration.
    fit = {name: score for name, score in SCORES.items() if name != "fluency"}
    provider.reset(
        replies=["Rome is lovely. What did you see there?"],
        # A quarter of the usual length, because each test waits until the answer has been played.
        ms_per_character=15,
        structured={
            "corrections": [{"corrections": []}],
            "translation": [{"translation": "Roma rất đẹp."}],
            "analysis": [ANALYSIS | {"scores": fit}],
        },
    )
    return provider


@pytest.fixture
def page(scripted: Provider) -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        add_microphone(page)
        yield page


def type_turn(page: Page, text: str = SAID) -> None:
    """Type a turn, and wait until its answer has been played and saved."""
    page.get_by_role("button", name="Type").click()
    page.get_by_label("Type what you want to say").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("li.turn[data-role=user] [data-action=translate]:visible")).to_have_count(1, timeout=WITHIN)
    expect(answer(page).locator("[data-action=translate]")).to_be_visible(timeout=WITHIN)


def answer(page: Page) -> Any:
    return page.locator("li.turn[data-role=assistant]").nth(1)


def begin(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


def open_earlier(page: Page, server: AgentServer) -> None:
    talk = earlier(0, "Cooking", "I made a soup.")
    page.goto(f"{server.url}/history")
    page.request.post(f"{server.url}/api/conversations", data=talk)
    page.goto(f"{server.url}/history/{talk['id']}")


# Translations


def test_a_translation_is_shown_and_hidden(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    button = page.get_by_role("button", name="Translate").first
    button.click()
    words = page.locator(".turn-translation").first
    expect(words).to_have_text("Roma rất đẹp.")
    expect(words).to_have_attribute("lang", "vi")
    button.click()
    expect(words).to_be_hidden()


def test_an_engine_that_cannot_translate_offers_no_translation(page: Page, server: AgentServer):
    open_earlier(page, server)
    expect(page.locator("li.turn[data-role=user] [data-action=edit]")).to_be_visible()
    expect(page.locator("[data-action=translate]:visible")).to_have_count(0)


# How long an answer took


def test_a_translation_of_outdated_words_is_not_shown(page: Page, talking_server: AgentServer):
    open_earlier(page, talking_server)
    asked: list[Route] = []
    page.route("**/translation", lambda route: asked.append(route))
    turn = page.locator("li.turn[data-role=user]")
    turn.get_by_role("button", name="Translate").click()
    eventually(page, lambda: asked)
    turn.get_by_role("button", name="Correct what was misheard").click()
    page.get_by_label("What you really said").fill("I made a salad.")
    page.get_by_role("button", name="Save").click()
    expect(turn.locator(".turn-text")).to_have_text("I made a salad.")
    asked[0].continue_()
    expect(turn.locator("[data-action=translate][aria-busy]")).to_have_count(0)
    expect(turn.locator(".turn-translation")).to_be_hidden()
    expect(page.locator("#announcer")).not_to_contain_text("Translated")


PARTS = {"heard_ms": "Heard", "thought_ms": "Thought", "first_audio_ms": "First sound", "saved_ms": "Then saved"}


@pytest.mark.parametrize("missing", [{"heard_ms": None}, {"heard_ms": 0}, {"thought_ms": None}, {"saved_ms": None}])
def test_unmeasured_steps_of_an_answer_are_left_out(
    page: Page, talking_server: AgentServer, missing: dict[str, int | None]
):
    def measured(route: Route) -> None:
        kept = route.fetch()
        body = kept.json()
        times = {"heard_ms": 300, "thought_ms": 650, "first_audio_ms": 800, "saved_ms": 40}
        body["conversation"]["messages"][0]["measured"] = times | missing
        route.fulfill(response=kept, body=json.dumps(body))

    page.route("**/api/conversations/conv-*", measured)
    open_earlier(page, talking_server)
    page.get_by_role("button", name="How long this answer took").click()
    expect(page.locator(".breakdown-parts dt")).to_have_text(
        [name for key, name in PARTS.items() if key not in missing]
    )
    expect(page.locator(".breakdown-total")).to_have_text("You waited 0.80 s for the answer.")


def test_the_time_of_an_answer_is_shown_on_demand(page: Page, talking_server: AgentServer, provider: Provider):
    provider.configure(delays={"realtime_first_audio_ms": 700})
    begin(page, talking_server)
    began = time.monotonic()
    type_turn(page)
    took = time.monotonic() - began
    button = answer(page).get_by_role("button", name="How long this answer took")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    parts = answer(page).locator(".breakdown-parts div")
    for part in ("Thought", "First sound", "Then saved"):
        expect(parts.locator("dt", has_text=part)).to_be_visible()
    waited = re.search(r"You waited (\d\.\d\d) s", answer(page).locator(".breakdown-total").inner_text())
    assert waited
    assert 0.7 <= float(waited[1]) < took


def test_the_history_shows_the_same_times(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    answer(page).get_by_role("button", name="How long this answer took").click()
    expect(answer(page).locator(".breakdown-total")).to_contain_text("You waited")
    live = answer(page).locator(".breakdown-total").inner_text()
    page.goto(f"{talking_server.url}/history/{conversation(page, talking_server)['id']}")
    answer(page).get_by_role("button", name="How long this answer took").click()
    expect(answer(page).locator(".breakdown-total")).to_have_text(live)


# Analysis


def score(page: Page, name: str) -> Any:
    return page.locator(".score", has=page.get_by_text(name, exact=True))


def test_a_talk_ends_with_its_measured_scores(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    page.get_by_role("button", name="End talk").click()
    expect(score(page, "Grammar")).to_contain_text("74 of 100", timeout=WITHIN)
    expect(score(page, "Pronunciation")).to_have_count(0)
    expect(page.locator("#feedback")).not_to_contain_text("not measured")
    expect(page.get_by_text("You told a whole story.")).to_be_visible()
    expect(page.locator("#feedback .correction ins")).to_have_text("I went to Rome")


def test_the_feedback_is_saved_and_shown_in_the_history(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    page.get_by_role("button", name="End talk").click()
    expect(score(page, "Grammar")).to_be_visible(timeout=WITHIN)
    page.get_by_role("link", name="Listen to it again").click()
    expect(score(page, "Grammar")).to_contain_text("74 of 100")


def test_a_talk_can_be_ended_after_a_reload(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    page.reload()
    expect(page.get_by_role("button", name="Go on talking")).to_be_visible(timeout=WITHIN)
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#summary-turns")).to_have_text("1")
    expect(score(page, "Grammar")).to_contain_text("74 of 100", timeout=WITHIN)
    expect(page.locator("#summary-saving")).to_have_text("Everything is saved.")
    assert conversation(page, talking_server)["callEnded"] is True
    page.get_by_role("button", name="Go on talking").click()
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


def test_the_page_shows_that_the_feedback_is_being_made(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    under_way: list[Route] = []
    # The handler must be a function.
    page.route("**/analysis", lambda route: under_way.append(route), times=1)
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#feedback")).to_have_attribute("aria-busy", "true", timeout=WITHIN)
    expect(page.locator("#feedback [role=status]")).to_contain_text("Looking back")
    eventually(page, lambda: under_way)
    under_way[0].continue_()
    expect(page.locator("#feedback")).to_have_attribute("aria-busy", "false", timeout=WITHIN)


def test_screen_readers_announce_the_feedback(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#announcer")).to_have_text("Your feedback is ready.")


def test_corrections_that_arrive_at_the_end_of_the_talk_are_listed(page: Page, talking_server: AgentServer):
    lines: list[WebSocketRoute] = []
    held: list[str | bytes] = []

    def connected(line: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            kind = json.loads(message)["type"]
            if kind == "talk.saved":
                held.append(message)
            # The test sends the corrections itself.
            elif kind != "talk.correction":
                line.send(message)

        line.connect_to_server().on_message(pass_on)
        lines.append(line)

    page.route_web_socket(re.compile("/v1/realtime"), connected)
    begin(page, talking_server)
    page.get_by_role("button", name="Type").click()
    page.get_by_label("Type what you want to say").fill(SAID)
    page.keyboard.press("Enter")
    eventually(page, lambda: any(json.loads(each)["role"] == "user" for each in held))
    item = page.locator("li.turn[data-role=user]").get_attribute("data-item")
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#summary-no-corrections")).to_be_visible()
    found = [{"said": "I go", "better": "I went", "why": "It is over.", "category": "tense"}]
    lines[-1].send(
        json.dumps({"event_id": "event_1", "type": "talk.correction", "item_id": item, "corrections": found})
    )
    for message in held:
        lines[-1].send(message)
    expect(page.locator("#summary-corrections .correction ins")).to_have_text("I went")
    expect(page.locator("#summary-no-corrections")).to_be_hidden()


def test_failed_feedback_can_be_requested_again(page: Page, talking_server: AgentServer):
    begin(page, talking_server)
    type_turn(page)
    refusal = json.dumps({"error": "The language service is busy."})
    page.route("**/analysis", lambda route: route.fulfill(status=503, body=refusal), times=1)
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#feedback")).to_contain_text("The language service is busy.", timeout=WITHIN)
    page.get_by_role("button", name="Try again").click()
    expect(score(page, "Grammar")).to_be_visible(timeout=WITHIN)


# Explanations


def test_explanations_are_in_the_chosen_language(page: Page, talking_server: AgentServer):
    page.goto(talking_server.url)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Explanations in").select_option("vi")
    page.reload()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Explanations in").locator("option:checked")).to_have_text("Tiếng Việt (Vietnamese)")
    page.get_by_role("button", name="Close settings").click()
    begin(page, talking_server)
    type_turn(page)
    assert conversation(page, talking_server)["config"]["explain"] == "vi"


# Late events and changes


def hold_and_speak(page: Page) -> None:
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    say(page, spoken("learner_london"))
    page.keyboard.up("Space")


def test_a_late_transcript_is_placed_before_the_answer(page: Page, talking_server: AgentServer, provider: Provider):
    begin(page, talking_server)
    provider.configure(delays={"transcription_ms": 2500}, transcripts=[SAID])
    hold_and_speak(page)
    expect(answer(page).locator(".turn-text")).not_to_be_empty(timeout=WITHIN)
    turns = page.locator("#dialogue li.turn")
    assert [turn.get_attribute("data-role") for turn in turns.all()] == ["assistant", "user", "assistant"]
    expect(turns.nth(1).locator(".turn-text")).to_have_text(SAID, timeout=WITHIN)


def test_an_unintelligible_turn_is_kept_and_can_be_replayed(
    page: Page, talking_server: AgentServer, provider: Provider
):
    begin(page, talking_server)
    provider.fail("/v1/realtime", "failed", event="conversation.item.input_audio_transcription.completed")
    hold_and_speak(page)
    turn = page.locator("li.turn[data-role=user]")
    expect(turn.locator(".turn-note")).to_contain_text("the recording is kept", timeout=WITHIN)
    expect(turn.get_by_role("button", name="Replay what you said")).to_be_visible()


def relayed(page: Page) -> tuple[Callable[[dict[str, Any]], None], list[str]]:
    """Relay the WebSocket between the page and its server.

    Return a function that sends the page an event as if from the server, and a list of the types of the server's own
    events.
    """
    lines: list[WebSocketRoute] = []
    kinds: list[str] = []

    def connected(line: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            kinds.append(json.loads(message)["type"])
            line.send(message)

        line.connect_to_server().on_message(pass_on)
        lines.append(line)

    page.route_web_socket(re.compile("/v1/realtime"), connected)
    return lambda event: lines[-1].send(json.dumps({"event_id": "event_1", **event})), kinds


def test_a_change_of_engines_is_shown_and_ends_hands_free_mode_without_voice_detection(
    page: Page, talking_server: AgentServer
):
    tell, kinds = relayed(page)
    begin(page, talking_server)
    before = kinds.count("session.updated")
    page.get_by_role("switch", name="Hands-free").check()
    expect(page.locator("#talk-button-label")).to_have_text("Mute")
    # Otherwise the server's own event would override the one that the test sends.
    eventually(page, lambda: kinds.count("session.updated") > before)
    tell({"type": "talk.notice", "code": "engine", "engine": "local", "message": "A simpler partner goes on."})
    tell({"type": "session.updated", "session": {"talk": {}, "audio": {"input": {"turn_detection": None}}}})
    expect(page.locator(".dialogue-note")).to_have_text("A simpler partner goes on.")
    expect(page.get_by_role("switch", name="Hands-free")).not_to_be_checked()


def test_a_slow_answer_is_announced_until_it_arrives(page: Page, talking_server: AgentServer):
    tell, _ = relayed(page)
    begin(page, talking_server)
    tell({"type": "talk.notice", "code": "slow", "engine": "openai_realtime", "message": "Please wait."})
    expect(page.locator(".dialogue-note")).to_have_text("Please wait.")
    type_turn(page)
    expect(page.locator(".dialogue-note")).to_have_count(0)


def test_a_turn_that_could_not_be_corrected_says_so(page: Page, talking_server: AgentServer):
    tell, _ = relayed(page)
    begin(page, talking_server)
    type_turn(page)
    turn = page.locator("li.turn[data-role=user]")
    item = turn.get_attribute("data-item")
    tell({"type": "talk.notice", "code": "not_corrected", "item_id": item, "message": "This turn was not checked."})
    expect(turn.locator(".corrections")).to_contain_text("This turn was not checked.")


def test_the_talk_continues_with_another_engine_when_the_provider_fails(tmp_path: Path, page: Page, provider: Provider):
    with served(_server(tmp_path / "server", provider)) as server:
        begin(page, server)
        provider.fail("/v1/*", "500", times=None)
        provider.fail("/v1/realtime", "cut", times=None)
        page.get_by_role("button", name="Type").click()
        page.get_by_label("Type what you want to say").fill(SAID)
        page.keyboard.press("Enter")
        expect(page.locator("li.turn[data-role=assistant]")).to_have_count(2, timeout=WITHIN)
        expect(page.locator(".dialogue-note").first).to_contain_text("goes on", timeout=WITHIN)


def practise(page: Page, server: AgentServer, text: str) -> None:
    """Type one turn to the embedded engine, wait for its answer, and end the talk."""
    begin(page, server)
    page.get_by_role("button", name="Type").click()
    page.get_by_label("Type what you want to say").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("li.turn[data-role=assistant]")).to_have_count(2, timeout=WITHIN)
    page.get_by_role("button", name="End talk").click()


def test_the_summary_lists_only_checked_words(page: Page, server: AgentServer):
    practise(page, server, "My mother cooks. She cook on my birthday.")
    remembered = page.locator("#summary-corrections .correction ins")
    expect(remembered.first).to_have_text("She cooks", timeout=WITHIN)
    expect(page.locator("#summary-corrections")).not_to_contain_text("birthday")
    expect(page.locator("#summary-title")).to_have_text("You spoke once.")


def test_feedback_on_a_short_talk_is_one_piece_of_advice(page: Page, server: AgentServer):
    practise(page, server, "I like fish.")
    expect(page.locator("#feedback")).to_contain_text("answer a few more questions", timeout=WITHIN)
    expect(page.locator("#feedback .score")).to_have_count(0)
