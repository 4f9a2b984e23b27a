"""A learner hears one of two similar words and chooses, and says one and sees which was heard."""

import json
import os
import re

from playwright.sync_api import Page, expect

from tests.browser.axe import NARROW, WIDE, violations
from tests.browser.chromium import WITHIN
from tests.browser.microphone import say
from tests.servers import AgentServer
from tests.sound import spoken
from tests.talking import silence

# Record which links to sounds are revoked, and which one is played.
WATCH = """(() => {
  const revoke = URL.revokeObjectURL.bind(URL);
  const { play } = HTMLMediaElement.prototype;
  window.revoked = [];
  URL.revokeObjectURL = (url) => (window.revoked.push(url), revoke(url));
  HTMLMediaElement.prototype.play = function () {
    window.played = this.src;
    return play.call(this);
  };
})()"""


def pictured(page: Page, name: str) -> None:
    """Take pictures for people to look at, if the folder for them is given."""
    if folder := os.environ.get("PICTURES"):
        for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=True)
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")


def test_a_learner_hears_and_says_similar_words(page: Page, server: AgentServer) -> None:
    # The page always takes the first pair that it may take, so each run says the same words.
    page.add_init_script("Math.random = () => 0")
    page.add_init_script(WATCH)
    page.goto(f"{server.url}/pairs")
    expect(page.locator("#exercise")).to_be_visible(timeout=WITHIN)
    assert violations(page) == []

    # Hear it. The word that is spoken is the one that the page will call the answer.
    page.get_by_label("Practise").select_option("light-right")
    with page.expect_request("**/api/text-to-speech") as asked, page.expect_response("**/api/text-to-speech") as spoke:
        page.get_by_role("button", name="Listen").click()
    assert spoke.value.ok
    word = json.loads(asked.value.post_data or "{}")["text"].rstrip(".")
    expect(page.locator("#listen")).to_have_attribute("aria-pressed", "true")
    choices = page.get_by_role("group", name="Which word do you hear?")
    choices.get_by_role("button", name=re.compile(f"^(?!{word}$)")).click()
    expect(page.locator("#outcome")).to_have_text(f"It was “{word}”. Listen to both.", timeout=WITHIN)
    expect(page.locator("#hearing-trend")).to_have_text("0 of 1 attempt.", timeout=WITHIN)
    # One sound after another.
    for each in ("light", "right"):
        with page.expect_response("**/api/text-to-speech") as spoke:
            page.get_by_role("button", name=f"Hear “{each}”").click()
        spoke.value.finished()
        expect(page.get_by_role("button", name=f"Hear “{each}”")).to_have_attribute(
            "aria-pressed", "false", timeout=WITHIN
        )
        assert page.evaluate("revoked.includes(played)") is False
    assert violations(page) == []
    pictured(page, "pairs-hearing")

    # Say it, with the keyboard: one press begins, the next one ends.
    page.get_by_label("Say it", exact=True).check()
    expect(page.locator("#exercise-title")).to_contain_text("Say “")
    meant = str(page.locator("#word").text_content())
    page.locator("#record").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_have_text("I'm listening…", timeout=WITHIN)
    say(page, silence(0.3), spoken(f"{meant}."), silence(0.4))
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_have_text(f"I heard “{meant}”. That is the word you meant.", timeout=WITHIN)
    expect(page.locator("#saying-trend")).to_have_text("1 of 1 attempt.", timeout=WITHIN)
    assert violations(page) == []
    pictured(page, "pairs-saying")

    # The other word is said instead.
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#exercise-title")).to_be_focused()
    meant, other = str(page.locator("#word").text_content()), str(page.locator("#other").text_content())
    page.locator("#record").dispatch_event("pointerdown", {"button": 0, "pointerId": 1})
    expect(page.locator("#record")).to_have_text("I'm listening…", timeout=WITHIN)
    say(page, silence(0.3), spoken(f"{other}."), silence(0.4))
    page.locator("#record").dispatch_event("pointerup", {"button": 0, "pointerId": 1})
    expect(page.locator("#outcome")).to_contain_text(f"I heard “{other}”. Compare both words", timeout=WITHIN)
    expect(page.locator("#saying-trend")).to_have_text("1 of 2 attempts.", timeout=WITHIN)
    expect(page.get_by_role("button", name="My attempt")).to_be_enabled()

    # The recogniser does not tell these apart, so they can only be heard.
    page.get_by_label("Practise").select_option("bad-bed")
    expect(page.locator("#pairs-status")).to_contain_text("I do not hear this difference reliably")
    expect(page.locator("#exercise")).to_be_hidden()
    assert violations(page) == []
    # Nothing is wider than a small phone.
    page.get_by_label("Practise").select_option("light-right")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    # The history has the talks, not these.
    page.goto(f"{server.url}/history")
    expect(page.locator("#empty")).to_be_visible(timeout=WITHIN)
