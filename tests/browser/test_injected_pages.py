"""Imported words that look like HTML or scripts are shown as text in Chromium, on every page that shows them."""

import tomllib
from pathlib import Path

from playwright.sync_api import Dialog, Page, expect

from tests.browser.chromium import chromium
from tests.browser.test_history import conversation
from tests.servers import AgentServer

ATTEMPTS = tomllib.loads((Path(__file__).parents[1] / "injection" / "attempts.toml").read_text())["attempts"]
HOSTILE: list[str] = [each["text"] for each in ATTEMPTS if each["kind"] in ("page", "tag", "template")]
STRANGE = (
    "script:not([src]):not([type='application/json']), iframe, base, meta[http-equiv=refresh], [onerror], [onload]"
)


def titled(number: int, text: str) -> dict:
    """Return a conversation with this title, topic and analysis."""
    analysis = {"feedback": text, "strengths": [text], "suggestions": [{"original": text}]}
    return conversation(number, text[:500], text) | {"title": text[:200], "analysis": analysis}


def said(texts: list[str]) -> dict:
    """Return a conversation in which both sides say the texts, and each is corrected by itself."""
    talk = conversation(0, "Everything", "Hello.")
    for number, text in enumerate(texts):
        at = talk["startTime"] + 10 * (number + 1)
        corrections = [{"said": text[:10], "better": text, "why": text, "category": text}]
        talk["messages"] += [
            {"id": f"user-{at}", "role": "user", "content": text, "timestamp": at, "corrections": corrections},
            {"id": f"ai-{at + 1}", "role": "assistant", "content": text, "timestamp": at + 1},
        ]
    return talk


def check(page: Page, texts: list[str]) -> None:
    for text in texts:
        words = " ".join(text.split())
        page.wait_for_function("words => document.body.innerText.replace(/\\s+/g, ' ').includes(words)", arg=words)
    assert page.evaluate("window.pwned") is None
    assert page.locator(STRANGE).count() == 0
    assert page.locator("main a[href^='javascript:']").count() == 0


def test_pages_show_hostile_words_as_text(server: AgentServer):
    with chromium() as browser:
        page = browser.new_page()
        dialogs: list[Dialog] = []

        def note(dialog: Dialog) -> None:
            dialogs.append(dialog)
            dialog.dismiss()

        page.on("dialog", note)
        page.goto(f"{server.url}/history")
        talks = [said(HOSTILE), *(titled(number, text) for number, text in enumerate(HOSTILE[-4:], 1))]
        for talk in talks:
            answer = page.request.post(f"{server.url}/api/conversations", data=talk)
            assert answer.ok, answer.text()
        page.reload()
        expect(page.locator(".entry")).to_have_count(len(talks))
        check(page, [])
        for path in ("history/", "?conversation="):
            page.goto(f"{server.url}/{path}{talks[0]['id']}")
            expect(page.locator("li.turn")).to_have_count(2 + 2 * len(HOSTILE))
            check(page, HOSTILE)
        page.goto(f"{server.url}/history/{talks[-1]['id']}")
        check(page, HOSTILE[-1:])
        assert dialogs == []
