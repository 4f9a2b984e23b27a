"""A learner takes a talk along, shares it by a link, and says their own corrected sentence after the agent."""

import base64
import os
import re
import zipfile
from pathlib import Path

import pysubs2
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest
from playwright.sync_api import Download, Page, expect

from audio import encoding
from tests.browser.axe import NARROW, WIDE, violations
from tests.browser.chromium import WITHIN, chromium, new_page
from tests.browser.microphone import say
from tests.servers import AgentServer
from tests.sound import spoken
from tests.talking import silence

WRONG, RIGHT = "My brother work in London.", "My brother works in London."


def talk(page: Page, server: AgentServer) -> None:
    """Save a talk with a mistake and the learner's own voice, and open it in the history."""
    sound = base64.b64encode(encoding.from_pcm(spoken(WRONG)).data).decode()
    mistake = {"said": "brother work", "better": "brother works", "why": "He works.", "category": "agreement"}
    said = {"id": "user-1795000000001", "role": "user", "content": WRONG, "timestamp": 1795000000001}
    said |= {"audioData": f"data:audio/webm;base64,{sound}", "corrections": [mistake]}
    asked = {"id": "ai-1795000000000", "role": "assistant", "content": "What does he do?", "timestamp": 1795000000000}
    page.goto(f"{server.url}/history")
    saved = page.request.post(
        f"{server.url}/api/conversations",
        data={"id": "conv-1795000000000-abcdefg", "title": "Family", "messages": [asked, said]},
    )
    assert saved.status == 201, saved.text()
    page.reload()
    page.locator(".entry a").first.click(timeout=WITHIN)
    expect(page.locator("#detail-title")).to_have_text("Family", timeout=WITHIN)


def pictured(page: Page, name: str) -> None:
    """Take pictures for people to look at, if the folder for them is given."""
    if folder := os.environ.get("PICTURES"):
        for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=True)
        page.set_viewport_size(WIDE)


def downloaded(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download(timeout=WITHIN) as started:
        page.get_by_text(button).click()
    file: Download = started.value
    path = folder / file.suggested_filename
    file.save_as(path)
    return path


def test_a_talk_is_taken_along_in_four_forms(page: Page, server: AgentServer, tmp_path: Path) -> None:
    talk(page, server)
    page.get_by_text("Take it along").click()
    assert violations(page) == []
    pictured(page, "take-along")
    assert WRONG in downloaded(page, "Text (Markdown)", tmp_path).read_text()
    assert any(WRONG in line.plaintext for line in pysubs2.load(str(downloaded(page, "Subtitles (SRT)", tmp_path))))
    with zipfile.ZipFile(downloaded(page, "Everything (ZIP)", tmp_path)) as file:
        assert any(name.endswith((".webm", ".mp3")) for name in file.namelist())
    deck = downloaded(page, "Mistakes (Anki)", tmp_path)
    collection = Collection(str(tmp_path / "collection.anki2"))
    request = ImportAnkiPackageRequest(package_path=str(deck), options=ImportAnkiPackageOptions())
    collection.import_anki_package(request)
    (note,) = [collection.get_note(key) for key in collection.find_notes("")]
    # The agent's voice was made by the server's own engine.
    assert note["Better"] == RIGHT
    assert note["Agent's voice"].startswith("[sound:")
    assert list(collection.media.check().missing) == []
    collection.close()


def test_a_talk_is_shared_until_the_link_is_revoked(page: Page, server: AgentServer) -> None:
    talk(page, server)
    page.get_by_text("Take it along").click()
    page.get_by_role("button", name="Share by a link").click()
    expect(page.get_by_text("Everybody who has the link can read this talk")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("your own voice included").check()
    page.get_by_role("button", name="Create the link").click()
    expect(page.locator("#share-made-title")).to_be_focused(timeout=WITHIN)
    expect(page.locator(".share-link")).to_contain_text("words and recordings")
    assert violations(page) == []
    pictured(page, "share-dialog")
    url = page.locator("#share-url").input_value()
    page.goto(f"{server.url}/me")
    expect(page.locator(".share-link")).to_have_count(1, timeout=WITHIN)
    assert violations(page) == []
    with chromium() as browser:
        # Somebody else, without a cookie.
        context = browser.new_context(viewport=WIDE)
        reader = new_page(context)
        reader.goto(url)
        expect(reader.locator(".turn[data-role=user]")).to_contain_text(WRONG)
        expect(reader.locator("ins").first).to_contain_text("works")
        assert violations(reader) == []
        pictured(reader, "shared")
        # The browser plays what the agent said.
        played = "audio => audio.play().then(() => audio.duration > 0.5)"
        assert reader.locator("audio").first.evaluate(played)
        assert context.cookies() == []
        page.get_by_role("button", name=re.compile("^Revoke the link to")).click()
        expect(page.locator(".share-link")).to_have_count(0, timeout=WITHIN)
        expect(page.locator("#links-title")).to_be_focused()
        reader.reload()
        expect(reader.get_by_role("heading", name="This link does not work any more")).to_be_visible()
        assert violations(reader) == []
        pictured(reader, "revoked")
        assert context.cookies() == []
        context.close()


def test_a_sentence_is_said_after_the_agent(page: Page, server: AgentServer) -> None:
    talk(page, server)
    page.goto(f"{server.url}/shadowing")
    expect(page.locator("#sentence")).to_have_text(RIGHT, timeout=WITHIN)
    assert violations(page) == []
    page.get_by_label("Slower", exact=True).check()
    with page.expect_response("**/api/shadowing/speech", timeout=WITHIN) as spoke:
        page.get_by_role("button", name="Listen").click()
    assert spoke.value.headers["content-type"] == "audio/mpeg"
    assert '"pace":"slower"' in str(spoke.value.request.post_data)
    # By keyboard: one press begins, the next one ends.
    page.locator("#record").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_have_text("I'm listening…", timeout=WITHIN)
    say(page, spoken("My brother works in Paris."), silence(0.3))
    page.keyboard.press("Enter")
    expect(page.locator("#attempt-status")).to_contain_text("I heard 4 of 5 words", timeout=WITHIN)
    expect(page.locator(".not-heard")).to_have_text(["London. (not heard)"])
    assert violations(page) == []
    pictured(page, "shadowing")
    page.get_by_role("button", name="Both voices").click()
    expect(page.get_by_role("button", name="My attempt")).to_be_enabled()
    # Nothing was saved of it.
    page.goto(f"{server.url}/history")
    expect(page.locator(".entry")).to_have_count(1, timeout=WITHIN)


def test_a_learner_brings_a_text_and_chooses_a_scenario(page: Page, server: AgentServer) -> None:
    page.goto(f"{server.url}/shadowing")
    expect(page.locator("#source-status")).to_contain_text("No sentence of yours", timeout=WITHIN)
    page.get_by_label("A scenario", exact=True).check()
    expect(page.locator("#exercise-title")).to_contain_text("Sentence 1 of", timeout=WITHIN)
    page.get_by_label("My own", exact=True).check()
    expect(page.locator("#exercise")).to_be_hidden()
    page.get_by_label("A text in English").fill("It rains. I stay at home.")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#sentence")).to_have_text("It rains.", timeout=WITHIN)
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#sentence")).to_have_text("I stay at home.")
    expect(page.locator("#exercise-title")).to_be_focused()
    assert violations(page) == []
    pictured(page, "brought")
    # Nothing is wider than a small phone.
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
