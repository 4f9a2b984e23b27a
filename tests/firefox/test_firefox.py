"""A learner talks in Firefox, with a sound card and without one. Without one, an AudioContext stays suspended."""

import json
from collections.abc import Iterator

import pytest

from bench.wer import word_error_rate
from tests.browser.hardware import HELD_MICROPHONE
from tests.firefox.browser import Firefox, eventually, missing
from tests.firefox.sound import SoundCard
from tests.fixtures import served
from tests.servers import AgentServer
from tests.talking import SPEECH

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

SAID = json.loads((SPEECH / "transcripts.json").read_text())
SAID_AT_MOST = 3  # times
AUDIBLE = 0.05  # of full scale
TALK = "document.querySelector('#main').dataset"
READY = f"{TALK}.state === 'ready'"
CORRECTED = "[...document.querySelectorAll('li.turn[data-role=user] .correction ins')].map((ins) => ins.textContent)"
SUMMARY = "!document.querySelector('#summary').hidden"
SAVED = "document.querySelector('#summary-saving').textContent === 'Everything is saved.'"
LIVE = "tracks.filter((track) => track.readyState === 'live').length"


@pytest.fixture(scope="module")
def silent_firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Run a Firefox with a microphone and no loudspeaker."""
    with served(Firefox(tmp_path_factory.mktemp("firefox"))) as firefox:
        yield firefox


@pytest.fixture
def silent(silent_firefox: Firefox) -> Iterator[Firefox]:
    """Open a page for a new learner, on which errors fail the test."""
    yield silent_firefox
    assert silent_firefox.problems() == []


@pytest.fixture(scope="module")
def sound_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundCard]:
    if not SoundCard.available():
        pytest.skip("PulseAudio is not installed: run `sh tests/firefox.sh` as root on Debian.")
    with served(SoundCard(tmp_path_factory.mktemp("sound"))) as card:
        yield card


@pytest.fixture
def sounding(sound_card: SoundCard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Run a Firefox with the sound card, on which errors fail the test."""
    with served(Firefox(tmp_path_factory.mktemp("firefox"), sound_card)) as firefox:
        yield firefox
        assert firefox.problems() == []


def start_talking(page: Firefox, server: AgentServer, *scripts: str) -> None:
    page.open(*scripts)
    page.goto(server.url)
    page.click(".scenario:has(input[value=travel])")
    page.click("::-p-aria(Start talking)")


def words(role: str, number: int) -> str:
    """Return a JavaScript expression for the text of a turn of this role. Negative numbers count from the end."""
    return f"[...document.querySelectorAll('li.turn[data-role={role}] .turn-text')].at({number})?.textContent"


def until_asked(page: Firefox, number: int) -> str:
    """Wait until the agent has spoken this turn completely. Return its words."""
    page.until(f"{words('assistant', number)}?.includes('?') && {READY}")
    return str(page.evaluate(words("assistant", number)))


def type_a_turn(page: Firefox, text: str) -> None:
    if page.evaluate("document.querySelector('#type-form').hidden"):
        page.click("#type-button")
    page.fill("#type-text", text)
    page.click("#type-form button")


def end_talk(page: Firefox) -> None:
    page.click("#end-talk")
    page.until(SUMMARY)
    page.until(SAVED)


def kept(page: Firefox, server: AgentServer) -> list[dict]:
    """Open the latest talk from the history. Return its messages as the server has them."""
    page.goto(f"{server.url}/history")
    page.click(".entry a")
    page.until("document.querySelector('li.turn[data-role=user] .turn-text')")
    wire_id = page.evaluate("location.pathname.split('/').at(-1)")
    answer = page.evaluate(f"fetch('/api/conversations/{wire_id}').then((answer) => answer.json())")
    return list(answer["conversation"]["messages"])


def hold_to_talk(page: Firefox, card: SoundCard, clip: str) -> None:
    page.click("#talk-title")
    page.down(" ")
    page.until(f"{TALK}.state === 'recording'")
    card.speak(SPEECH / clip)
    page.up(" ")


def test_a_spoken_turn_is_transcribed_answered_and_saved(server: AgentServer, sound_card: SoundCard, sounding: Firefox):
    clip, dialogue = "learner_london.wav", []
    start_talking(sounding, server)
    dialogue.append(until_asked(sounding, 0))
    # On a loaded machine the sound card stutters. Then the clip is played again.
    for number in range(SAID_AT_MOST):
        hold_to_talk(sounding, sound_card, clip)
        answer = until_asked(sounding, number + 1)
        heard = str(sounding.evaluate(words("user", number)))
        dialogue += [heard, answer]
        if word_error_rate(SAID[clip], heard) <= 0.15:
            break
    else:
        pytest.fail(f"Not heard: {dialogue}")
    assert float(sounding.evaluate(f"{TALK}.peak")) > AUDIBLE
    sounding.until(f"{CORRECTED}.includes('went')")
    end_talk(sounding)
    messages = kept(sounding, server)
    assert [each["content"] for each in messages] == dialogue
    assert messages[-2]["audioDuration"] > 1.5
    assert messages[-1]["audioDuration"] > 0.5


def test_without_a_loudspeaker_captions_are_shown_and_a_typed_turn_is_answered_and_saved(
    server: AgentServer, silent: Firefox
):
    start_talking(silent, server)
    opening = until_asked(silent, 0)
    state = silent.evaluate("new AudioContext().state")
    assert state == "suspended", "This Firefox has found a sound card."
    assert silent.evaluate(f"{TALK}.inaudible") == "true"
    type_a_turn(silent, "My brother has went to London.")
    answer = until_asked(silent, 1)
    silent.until(f"{CORRECTED}.includes('gone')")
    end_talk(silent)
    messages = kept(silent, server)
    assert [each["content"] for each in messages] == [opening, "My brother has went to London.", answer]
    assert not any(each.get("interrupted") for each in messages)


def test_a_microphone_that_opens_after_the_end_is_released(server: AgentServer, silent: Firefox):
    start_talking(silent, server, HELD_MICROPHONE)
    silent.until(f"{TALK}.state === 'asking' && asked.length")
    silent.click("#end-talk")
    silent.until(SUMMARY)
    silent.evaluate("asked[0].allow()")
    silent.until("tracks.length")
    silent.until(f"{LIVE} === 0")


@pytest.mark.parametrize("path", ["/", "/history", "/import"])
def test_a_page_and_its_settings_open_without_an_error(server: AgentServer, silent: Firefox, path: str):
    silent.open()
    silent.goto(f"{server.url}{path}")
    silent.until("document.querySelector('main h1')?.checkVisibility()")
    silent.click("#open-settings")
    silent.until("document.querySelector('#settings').open")


def test_violations_of_the_content_security_policy_fail_the_test_and_are_reported(
    server: AgentServer, silent_firefox: Firefox
):
    silent_firefox.open()
    silent_firefox.goto(server.url)
    inline = "Object.assign(document.createElement('script'), { textContent: '0' })"
    silent_firefox.evaluate(f"void document.body.append({inline})")
    eventually(lambda: any("Content-Security-Policy" in problem for problem in silent_firefox.problems()))
    eventually(lambda: "a violation of the policy: script-src-elem blocked inline on /." in server.log.read_text())
