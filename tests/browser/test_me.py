"""On their own page, learners see what is kept, create tokens, take everything with them, and erase it."""

import re
import zipfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from audio.tests.sounds import file_of, tone
from conversations.tests.shapes import conversation, data_url, said
from tests.browser.axe import violations
from tests.servers import AgentServer

OUTBOX = """async ({ put }) => {
  const { openOutbox } = await import("/static/js/outbox.js");
  const outbox = await openOutbox();
  if (put) await outbox.put({ key: "a/b", conversation: "a", item: "b", tab: "t", time: 1, finished: true });
  return (await outbox.list()).length;
}"""


def fill(page: Page, server: AgentServer) -> None:
    """Let the page's learner have a talk with a recording."""
    page.goto(f"{server.url}/history")
    talk = conversation(
        messages=[said("I come from Hanoi.", audioData=data_url(file_of(tone(1.0), "webm", "libopus")))]
    )
    assert page.request.post(f"{server.url}/api/conversations", data=talk).ok


def test_a_learner_uses_a_token_takes_everything_along_and_erases_it(
    page: Page, server: AgentServer, tmp_path: Path
) -> None:
    fill(page, server)
    page.goto(f"{server.url}/me")
    expect(page.locator("#fact-recordings")).to_have_text("1")
    learner = page.locator("#learner-id").text_content()

    page.get_by_label("Name").fill("My script")
    page.keyboard.press("Enter")
    expect(page.locator("#secret-title")).to_be_focused()
    secret = page.locator("#secret").text_content()
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{server.url}/api/me", headers=headers).json()["learner"] == learner
    assert violations(page) == []

    page.get_by_role("button", name="Export everything").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as file:
        assert any(name.endswith("0001-user.webm") for name in file.namelist())
    assert violations(page) == []

    assert page.evaluate(OUTBOX, {"put": True}) == 1
    page.get_by_role("button", name="Erase everything…").click()
    expect(page.locator("#erase-counts")).to_contain_text("1 recording")
    assert violations(page) == []
    page.get_by_label(re.compile("to confirm")).fill("erase everything")
    page.keyboard.press("Enter")
    expect(page.locator("#fact-talks")).to_have_text("0")
    assert page.locator("#learner-id").text_content() != learner
    assert page.evaluate(OUTBOX, {"put": False}) == 0
    assert httpx.get(f"{server.url}/api/me", headers=headers).status_code == 401
    assert page.request.get(f"{server.url}/api/conversations").json()["conversations"] == []
