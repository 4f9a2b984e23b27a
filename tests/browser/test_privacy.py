"""A learner who refuses recordings talks as before, and no sound is written to the server or to the browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chromium import WITHIN, chromium, eventually, new_page
from tests.browser.microphone import add_microphone, say
from tests.browser.test_talk import choose_and_start, conversation, kept
from tests.servers import AgentServer
from tests.talking import spoken

# Count what a page writes to each store of IndexedDB. The sum survives the pages of a tab.
COUNT_WRITES = """() => {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (...values) {
    sessionStorage.setItem(this.name, Number(sessionStorage.getItem(this.name)) + 1);
    return put.apply(this, values);
  };
}"""
WAITING = """async () => {
  const database = await new Promise((resolve) => {
    const opening = indexedDB.open("outbox", 1);
    opening.onsuccess = () => resolve(opening.result);
  });
  const count = (name) => new Promise((resolve) => {
    const asked = database.transaction(name).objectStore(name).count();
    asked.onsuccess = () => resolve(asked.result);
  });
  return [await count("entries"), await count("pieces")];
}"""


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 860})


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = new_page(context)
    add_microphone(page)
    page.add_init_script(f"({COUNT_WRITES})()")
    return page


def files(server: AgentServer) -> set[Path]:
    """Return every file of the data folder that can hold a recording."""
    return {path for path in server.folder.rglob("*") if path.is_file() and ".sqlite3" not in path.name}


def open_settings(page: Page) -> None:
    page.get_by_role("button", name="Settings", exact=True).click()


def keep_recordings(page: Page, *, on: bool) -> None:
    open_settings(page)
    page.get_by_role("switch", name="Keep recordings").set_checked(on)
    expect(page.locator("#privacy-status")).not_to_be_empty()
    page.get_by_role("button", name="Close settings").click()


def hold_and_say(page: Page, clip: str) -> None:
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    say(page, spoken(clip))
    page.keyboard.up("Space")


def choices(page: Page, server: AgentServer) -> dict:
    found: dict = page.request.get(f"{server.url}/api/privacy").json()["yours"]
    return found


def test_words_only(page: Page, server: AgentServer):
    page.goto(server.url)
    expect(page.locator("#partner")).to_contain_text("Your words and recordings are kept")
    keep_recordings(page, on=False)
    expect(page.locator("#partner")).to_contain_text("no recordings are kept")
    before = files(server)
    choose_and_start(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    hold_and_say(page, "learner_london")
    expect(page.locator("li.turn[data-role=assistant] .turn-text").nth(1)).not_to_be_empty(timeout=WITHIN)
    messages = kept(page, server, 3)
    assert messages[1]["content"] == "My brother has went to London last week."
    assert messages[1]["corrections"]
    assert not any("audioS3Key" in message for message in messages)
    expect(page.locator("li.turn[data-role=user] [data-action=replay]")).to_be_hidden()
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#summary-saving")).to_have_text("Everything is saved.", timeout=WITHIN)
    expect(page.locator("#feedback")).to_have_attribute("data-state", "there", timeout=WITHIN)
    assert files(server) <= before
    assert page.evaluate(WAITING) == [0, 0]
    assert page.evaluate("sessionStorage.getItem('pieces')") is None
    wire_id = conversation(page, server)["id"]
    page.goto(f"{server.url}/history/{wire_id}")
    expect(page.locator("li.turn")).to_have_count(3, timeout=WITHIN)
    assert page.locator("li.turn [data-action=replay]:visible, #play-all:visible").count() == 0


def test_a_refusal_holds_at_once_and_reaches_the_server_later(page: Page, server: AgentServer):
    page.goto(server.url)
    page.route("**/api/privacy", lambda route: route.abort())
    keep_recordings(page, on=False)
    expect(page.locator("#partner")).to_contain_text("no recordings are kept")
    assert choices(page, server)["keepsAudio"] is True
    page.unroute("**/api/privacy")
    page.reload()
    expect(page.locator("#partner")).to_contain_text("no recordings are kept")
    eventually(page, lambda: not choices(page, server)["keepsAudio"], "The refusal")


def test_a_refusal_on_one_device_holds_on_another(page: Page, server: AgentServer):
    page.goto(server.url)
    page.request.patch(f"{server.url}/api/privacy", data={"keepsAudio": False})
    choose_and_start(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    # Before the learner speaks, the page knows.
    assert page.evaluate("JSON.parse(localStorage.settings).keepsAudio") is False


def test_recordings_are_erased_after_a_second_question(page: Page, server: AgentServer):
    page.goto(f"{server.url}/privacy")
    page.get_by_role("button", name="in the settings").click()
    page.get_by_role("button", name="Erase all recordings").click()
    assert choices(page, server)["erasingRecordings"] is False
    page.get_by_role("button", name="Yes, erase them").click()
    expect(page.locator("#privacy-status")).to_contain_text("being erased")
    assert choices(page, server)["erasingRecordings"] is True


def test_a_shorter_time_is_chosen_and_undone(page: Page, server: AgentServer):
    page.goto(server.url)
    open_settings(page)
    page.get_by_label("Keep my talks").select_option("7")
    expect(page.locator("#privacy-status")).to_contain_text("7 days")
    assert choices(page, server)["retentionDays"] == 7
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#privacy-status")).to_contain_text("Saved")
    assert choices(page, server)["retentionDays"] is None
    expect(page.get_by_label("Keep my talks")).to_have_value("")
