"""If the microphone, the loudspeaker or the screen fails, hangs or is late, the page still shows the real state."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import hardware
from tests.browser.axe import violations
from tests.browser.chromium import chromium, eventually, new_page
from tests.browser.microphone import add_microphone
from tests.browser.test_talk import choose_and_start, conversation, kept, start_talking, wait_for_voice
from tests.servers import AgentServer

# Of similar cases, `make test` runs the hardest one, and `make soak` runs all.
SOAK = pytest.mark.soak
STATE = "#state-text"
ALLOW = "Press Allow in your browser, so that I can hear you."
LIVE = "() => tracks.filter((track) => track.readyState === 'live').length"
CLOSED = "() => contexts.filter((context) => context.state === 'closed').length"
REFUSED = "setInterval(() => asked.forEach((each) => each.refuse()), 50)"
ALL_RUN = "() => contexts.every((context) => context.state === 'running')"
TAP = "#talk-title"
# `connectedAfter` is the time in milliseconds from the first click until the talk has connected.
NOTE_CONNECTING = """addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("#main");
  let clickedAt;
  addEventListener("click", () => { clickedAt ??= performance.now(); }, { capture: true });
  let wasConnecting = false;
  new MutationObserver(() => {
    if (main.dataset.state === "connecting") wasConnecting = true;
    else if (wasConnecting) window.connectedAfter ??= performance.now() - clickedAt;
  }).observe(main, { attributeFilter: ["data-state"] });
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@contextmanager
def page_with(browser: Browser, *scripts: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = new_page(context)
    for script in scripts:
        page.add_init_script(script)
    yield page
    context.close()


def agents_turns(page: Page) -> Locator:
    return page.locator("li.turn[data-role=assistant]")


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#main")).to_have_attribute("data-state", state)


def type_a_turn(page: Page, text: str) -> None:
    page.get_by_label("Type what you want to say").fill(text)
    page.keyboard.press("Enter")


# The microphone is on only while the page says so


@pytest.mark.parametrize(
    "chosen", [pytest.param(hardware.HANDS_FREE, id="hands-free"), pytest.param("", id="hold-to-talk", marks=SOAK)]
)
def test_a_microphone_that_opens_after_the_end_is_stopped_and_records_nothing(
    browser: Browser, server: AgentServer, chosen: str
):
    with page_with(browser, chosen, hardware.HELD_MICROPHONE) as page:
        choose_and_start(page, server)
        expect_state(page, "asking")
        address = page.url
        page.get_by_role("button", name="End talk").click()
        expect(page.locator("#summary")).to_be_visible()
        page.evaluate("() => asked[0].allow()")
        eventually(page, lambda: page.evaluate("() => tracks.length") == 1)
        eventually(page, lambda: page.evaluate(LIVE) == 0)
        # The device beeps every second, so a beep would be heard in this time.
        page.wait_for_timeout(2000)
        assert page.evaluate(hardware.OUTBOX) == 0
        page.goto(address)
        expect(page.locator("#resume, #setup:not([hidden])").first).to_be_visible()
        assert page.evaluate(hardware.OUTBOX) == 0
        assert page.locator("li.turn[data-role=user]").count() == 0


@pytest.mark.parametrize("first_comes", [pytest.param("before the second", marks=SOAK), "after the second"])
def test_the_last_chosen_microphone_is_used(browser: Browser, server: AgentServer, first_comes: str):
    with page_with(browser, hardware.HELD_MICROPHONE) as page:
        choose_and_start(page, server)
        expect_state(page, "asking")
        page.get_by_role("button", name="Settings").click()
        page.locator("#setting-device").select_option(index=2)
        page.keyboard.press("Escape")
        assert page.evaluate("() => asked.length") == 2
        order = [0, 1] if first_comes == "before the second" else [1, 0]
        for number in order:
            page.evaluate(f"() => asked[{number}].allow()")
        eventually(page, lambda: page.evaluate("() => tracks.length") == 2)
        eventually(page, lambda: page.evaluate(LIVE) == 1)
        chosen = page.evaluate("() => asked[1].wanted.audio.deviceId.exact")
        live = page.evaluate("() => tracks.find((track) => track.readyState === 'live').getSettings().deviceId")
        assert live == chosen
        expect(page.locator("#main")).to_have_attribute("data-microphone", "true")


@pytest.mark.parametrize("end", ["the talk ends", pytest.param("another microphone", marks=SOAK), "taken over"])
def test_an_open_microphone_is_closed_when_it_is_no_longer_used(browser: Browser, server: AgentServer, end: str):
    with page_with(browser, hardware.COUNTED_TRACKS, hardware.INTERRUPTED_CONTEXTS) as page:
        start_talking(page, server)
        eventually(page, lambda: page.evaluate(LIVE) == 1)
        opened = page.evaluate("() => contexts.length")
        if end == "the talk ends":
            page.get_by_role("button", name="End talk").click()
        elif end == "another microphone":
            page.get_by_role("button", name="Settings").click()
            page.locator("#setting-device").select_option(index=2)
            eventually(page, lambda: page.evaluate("() => tracks.length") == 2)
        else:
            expect_state(page, "ready")
            kept(page, server, 1)
            other = page.context.new_page()
            other.goto(page.url)
            other.get_by_role("button", name="Go on talking").click()
            expect(page.locator("#connection-notice")).to_contain_text("another window")
            assert violations(page) == []
        eventually(page, lambda: page.evaluate("() => tracks[0].readyState") == "ended")
        # Another microphone replaces one AudioContext. The loudspeaker keeps its own.
        closed = 1 if end == "another microphone" else opened
        eventually(page, lambda: page.evaluate(CLOSED) == closed)


# The browser asks for permission


@pytest.mark.parametrize("answer", ["allow", pytest.param("refuse", marks=SOAK), "type"])
def test_the_agents_question_waits_for_the_microphone_permission(browser: Browser, server: AgentServer, answer: str):
    with page_with(browser, hardware.HELD_MICROPHONE) as page:
        choose_and_start(page, server)
        expect(page.locator(STATE)).to_have_text(ALLOW)
        expect(page.get_by_label("Type what you want to say")).to_be_visible()
        if answer == "allow":
            page.wait_for_timeout(2500)
            assert violations(page) == []
        assert agents_turns(page).count() == 0
        if answer == "type":
            type_a_turn(page, "I went to Rome.")
            expect(page.locator("li.turn[data-role=user]")).to_have_count(1)
        else:
            page.evaluate(f"() => asked[0].{answer}()")
        expect(agents_turns(page).locator(".turn-text").first).not_to_be_empty()
        expect(page.locator("#type-form")).to_be_visible(visible=answer != "allow")
        # The browser's permission request is still open, and is not repeated.
        if answer == "type":
            expect(page.locator(STATE)).to_have_text(ALLOW)
            page.evaluate("() => asked[0].allow()")
            expect(page.locator("#main")).to_have_attribute("data-microphone", "true")
            expect(agents_turns(page)).to_have_count(1)


# Suspended sound


def tap(page: Page) -> None:
    page.locator(TAP).click()


def show_page_again(page: Page) -> None:
    page.evaluate(hardware.SHOWN_AGAIN)


@pytest.mark.parametrize("return_by", [tap, pytest.param(show_page_again, marks=SOAK)])
def test_captions_continue_during_a_phone_call_and_the_sound_returns(
    browser: Browser, server: AgentServer, return_by: Callable[[Page], None]
):
    with page_with(browser, hardware.INTERRUPTED_CONTEXTS, hardware.HIDDEN) as page:
        start_talking(page, server)
        wait_for_voice(page)
        page.evaluate("() => interrupt(contexts)")
        expect(page.locator(STATE)).to_contain_text("No sound comes out.")
        # The question is shown completely.
        expect(agents_turns(page).locator(".turn-text")).to_contain_text("?")
        expect_state(page, "ready")
        expect(page.locator(STATE)).to_contain_text("tap anywhere")
        page.evaluate("() => { window.resumable = true; }")
        return_by(page)
        eventually(page, lambda: page.evaluate(ALL_RUN))
        expect(page.locator(STATE)).not_to_contain_text("tap anywhere")
        expect(page.locator("#microphone-help")).to_be_hidden()
        # The rest of the question has been played.
        expect_state(page, "ready")
        # Not while the sound is suspended: the audit takes seconds, after which Chromium's fake microphone stays silent.
        assert violations(page) == []


def test_suspended_sound_resumes_by_itself(browser: Browser, server: AgentServer):
    with page_with(browser, hardware.INTERRUPTED_CONTEXTS) as page:
        start_talking(page, server)
        wait_for_voice(page)
        page.evaluate("() => Promise.all(contexts.map((context) => context.suspend()))")
        eventually(page, lambda: page.evaluate(ALL_RUN))
        expect_state(page, "ready")


@SOAK
def test_a_typed_turn_is_answered_while_the_sound_is_suspended(browser: Browser, server: AgentServer):
    with page_with(browser, hardware.INTERRUPTED_CONTEXTS) as page:
        start_talking(page, server)
        wait_for_voice(page)
        page.evaluate("() => interrupt(contexts)")
        page.get_by_role("button", name="Type", exact=True).click()
        type_a_turn(page, "I went to Rome with my sister.")
        expect(agents_turns(page).locator(".turn-text").nth(1)).to_contain_text("?")
        expect_state(page, "ready")


def test_a_microphone_without_frames_is_reported_and_resumes_with_a_tap(browser: Browser, server: AgentServer):
    with page_with(browser, hardware.HANDS_FREE, hardware.INTERRUPTED_CONTEXTS) as page:
        start_talking(page, server)
        expect(page.locator("#main")).to_have_attribute("data-microphone", "true")
        page.evaluate("() => interrupt([contexts.at(-1)])")
        expect(page.locator("#microphone-help")).to_contain_text("No sound has come from the microphone for 3 s")
        expect(page.locator(STATE)).not_to_contain_text("Just speak")
        expect(page.get_by_label("Type what you want to say")).to_be_visible()
        page.evaluate("() => { window.resumable = true; }")
        tap(page)
        expect(page.locator("#microphone-help")).to_be_hidden()
        expect(page.locator("#type-form")).to_be_hidden()
        # Last, because Chromium's fake microphone stays silent after the seconds that an audit takes.
        page.evaluate("() => interrupt([contexts.at(-1)])")
        expect(page.locator("#microphone-help")).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize(
    "hardware_is",
    [
        pytest.param(hardware.NO_LOUDSPEAKER, id="pending", marks=SOAK),
        pytest.param(hardware.NO_AUDIO_CONTEXT, id="refused"),
    ],
)
def test_without_a_loudspeaker_a_talk_works_with_captions(browser: Browser, server: AgentServer, hardware_is: str):
    with page_with(browser, hardware_is) as page:
        start_talking(page, server)
        expect(agents_turns(page).locator(".turn-text")).to_contain_text("?")
        expect_state(page, "ready")
        opening = agents_turns(page).locator(".turn-text").inner_text()
        if page.locator("#type-form").is_hidden():
            page.get_by_role("button", name="Type", exact=True).click()
        type_a_turn(page, "I went to Rome with my sister.")
        expect(agents_turns(page).locator(".turn-text").nth(1)).to_contain_text("?")
        expect_state(page, "ready")
        messages = kept(page, server, 3)
        # The question was shown completely, so it is kept completely.
        assert messages[0]["content"] == opening
        assert not messages[2].get("interrupted")


@SOAK
def test_without_a_loudspeaker_the_page_connects_as_fast_as_with_one(browser: Browser, server: AgentServer):
    took = {}
    for loudspeaker, script in (("there", ""), ("absent", hardware.NO_LOUDSPEAKER)):
        with page_with(browser, script, NOTE_CONNECTING) as page:
            start_talking(page, server)
            took[loudspeaker] = page.evaluate("() => connectedAfter")
    assert took["absent"] < took["there"] + 1000, took


def test_captions_appear_at_reading_speed_without_sound(browser: Browser, server: AgentServer):
    with page_with(browser, hardware.NO_LOUDSPEAKER) as page:
        page.add_init_script("window.lengths = []")
        start_talking(page, server)
        page.evaluate(
            """() => {
              const text = document.querySelector("li.turn[data-role=assistant] .turn-text");
              new MutationObserver(() => lengths.push(text.textContent.length)).observe(text, { childList: true });
            }"""
        )
        expect_state(page, "ready")
        lengths = page.evaluate("() => lengths")
        assert len(lengths) > 3
        assert lengths == sorted(lengths)


# The screen stays on


def test_the_screen_stays_on_while_a_talk_lasts(browser: Browser, server: AgentServer):
    with page_with(browser, hardware.WAKE_LOCKS) as page:
        page.goto(server.url)
        expect(page.get_by_role("button", name="Start talking")).to_be_visible()
        assert page.evaluate("() => locks.length") == 0
        start_talking(page, server)
        assert page.evaluate("() => locks.map((lock) => lock.released)") == [False]
        page.evaluate("() => { locks[0].released = true; document.dispatchEvent(new Event('visibilitychange')); }")
        eventually(page, lambda: page.evaluate("() => locks.length") == 2)
        page.get_by_role("button", name="End talk").click()
        eventually(page, lambda: page.evaluate("() => locks.every((lock) => lock.released)"))
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(300)
        assert page.evaluate("() => locks.length") == 2


# The agent speaks first, and helps


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param([], id="hold-to-talk", marks=SOAK),
        pytest.param([hardware.HANDS_FREE], id="hands-free"),
        pytest.param([hardware.HELD_MICROPHONE, REFUSED], id="typing", marks=SOAK),
    ],
)
def test_a_returning_learner_is_welcomed_aloud(browser: Browser, server: AgentServer, scripts: list[str]):
    with page_with(browser, *scripts) as page:
        start_talking(page, server)
        expect_state(page, "ready")
        kept(page, server, 1)
        page.reload()
        expect(page.get_by_role("button", name="Go on talking")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Go on talking").click()
        expect(agents_turns(page)).to_have_count(2)
        wait_for_voice(page)
        expect(agents_turns(page).last.locator(".turn-text")).to_contain_text(re.compile("again|back", re.IGNORECASE))
        expect_state(page, "ready")
        assert [each["role"] for each in conversation(page, server)["messages"]] == ["assistant", "assistant"]


@pytest.mark.parametrize(
    "chosen", [pytest.param("", id="hold-to-talk"), pytest.param(hardware.HANDS_FREE, id="hands-free", marks=SOAK)]
)
def test_a_learner_who_stays_silent_is_helped_and_one_who_is_busy_is_not(
    browser: Browser, server: AgentServer, chosen: str
):
    with page_with(browser, hardware.HIDDEN, chosen) as page:
        add_microphone(page)
        helps: list[str] = []
        page.on(
            "websocket",
            lambda line: line.on("framesent", lambda sent: helps.extend(re.findall("talk.reprompt", str(sent)))),
        )
        page.clock.install()
        start_talking(page, server)
        expect_state(page, "ready")
        page.get_by_role("button", name="Type", exact=True).click()
        draft = page.get_by_label("Type what you want to say")
        draft.fill("Let me see")
        page.clock.run_for(30_000)
        draft.fill("")
        page.evaluate("() => { window.isHidden = true; }")
        page.clock.run_for(30_000)
        page.evaluate(hardware.SHOWN_AGAIN)
        page.get_by_role("button", name="Settings").click()
        page.clock.run_for(30_000)
        page.keyboard.press("Escape")
        assert helps == []
        page.clock.run_for(25_000)
        eventually(page, lambda: len(helps) == 1)
        expect(agents_turns(page)).to_have_count(2)
        expect(agents_turns(page).last.locator(".turn-text")).to_contain_text("Take your time.")
        expect_state(page, "ready")
        page.clock.run_for(30_000)
        # The learner waits longer for the second help.
        assert len(helps) == 1
