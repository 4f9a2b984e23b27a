"""The page finds data of the earlier app in the browser, shows it first, imports it once, and reports the result."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from audio.tests.sounds import file_of, tone
from conversations.tests.browsers import BLOB, SETTINGS, flat, nested, oldest, sound
from conversations.tests.shapes import START, data_url, said
from tests.browser.axe import violations
from tests.browser.chromium import WITHIN, chromium, eventually
from tests.servers import AgentServer

DEPOSIT = "stored => { for (const [key, value] of Object.entries(stored)) localStorage.setItem(key, value) }"
FILL = """() => {
  for (let size = 1 << 20; size >= 1; size = Math.floor(size / 2)) {
    try { for (let n = 0; ; n++) localStorage.setItem(`fill-${size}-${n}`, 'x'.repeat(size)) } catch {}
  }
}"""


@pytest.fixture
def page(server: AgentServer) -> Iterator[Page]:
    """Open a page in a browser with a cookie and no stored data."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{server.url}/history")
        page.wait_for_selector("#empty")
        yield page


def open_import(page: Page, server: AgentServer, **stored: Any) -> None:
    """Open the import page in a browser that has these keys in its localStorage."""
    page.evaluate(
        DEPOSIT, {key: value if isinstance(value, str) else json.dumps(value) for key, value in stored.items()}
    )
    page.goto(f"{server.url}/import")
    expect(page.locator("#found-status")).not_to_have_text("Looking into this browser…")


def run_import(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"^Import \d")).click()
    expect(page.locator("#report")).to_be_visible()


def kept(page: Page, server: AgentServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.request.get(f"{server.url}/api/conversations?limit=200").json()["conversations"]
    return found


def choose_file(page: Page, content: str, name: str = "export.json") -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": "application/json", "buffer": content.encode()})


@pytest.mark.parametrize(
    ("key", "make", "recordings"),
    [
        ("conversationHistory", nested, 1),
        ("conversationHistory", flat, 0),
        ("englishPracticeConversations", oldest, 0),
    ],
    ids=["nested", "flat", "oldest"],
)
def test_importing_each_format_twice_adds_it_once(
    page: Page, server: AgentServer, key: str, make: Any, recordings: int
):
    entries = [make(number) for number in range(3)]
    open_import(page, server, **{key: entries})
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("3 conversations brought in")
    once = kept(page, server)
    assert sorted(each["id"] for each in once) == sorted(each["id"] for each in entries)
    assert all(len(each["messages"]) == 2 for each in once)
    assert sum("audioS3Key" in message for each in once for message in each["messages"]) == 3 * recordings

    page.goto(f"{server.url}/import")
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("3 conversations already here")
    assert kept(page, server) == once
    assert json.loads(page.evaluate("key => localStorage.getItem(key)", key)) == entries


def test_nothing_is_sent_before_the_learner_presses_import(page: Page, server: AgentServer):
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    open_import(page, server, conversationHistory=[nested(), flat(1), "junk"])
    source = page.locator(".source")
    for fact in ("2 conversations", "4 messages", "1 recording", "2 recordings already gone"):
        expect(source.locator(".source-facts")).to_contain_text(fact)
    source.get_by_text("1 that can't be used").click()
    expect(source.locator(".source-unusable")).to_contain_text("This is not a conversation.")
    page.wait_for_timeout(300)
    assert sent == []


def test_an_imported_recording_can_be_replayed(page: Page, server: AgentServer):
    open_import(page, server, conversationHistory=[nested()])
    run_import(page)
    page.goto(f"{server.url}/history/{nested()['id']}")
    page.locator("li.turn[data-role=user] [data-action=replay]").click()
    page.wait_for_function("() => document.querySelector('#replay-audio').ended", timeout=WITHIN)


def test_only_chosen_conversations_are_imported(page: Page, server: AgentServer):
    open_import(
        page, server, conversationHistory=[nested(config={"topic": "Cats"}), nested(1, config={"topic": "Dogs"})]
    )
    page.get_by_text("Choose which").click()
    page.get_by_label("Dogs").uncheck()
    page.get_by_role("button", name="Import 1 conversation").click()
    expect(page.locator("#report")).to_be_visible()
    assert [each["title"] for each in kept(page, server)] == ["Cats"]


def test_a_broken_recording_is_named_and_its_words_are_kept(page: Page, server: AgentServer):
    broken = said("You cannot hear me.", audioData="data:audio/webm;base64,AAAA")
    open_import(
        page, server, conversationHistory=[nested(messages=[broken, said("Bye.", at=START + 1, audioData=BLOB)])]
    )
    run_import(page)
    page.get_by_text("2 messages without the recording").click()
    expect(page.locator("#report-lists")).to_contain_text("You cannot hear me.")
    expect(page.locator("#report-lists")).to_contain_text("Bye.")
    (conversation,) = kept(page, server)
    assert len(conversation["messages"]) == 2


def test_a_conversation_with_many_recordings_is_sent_in_several_requests(page: Page, server: AgentServer):
    requests: list[int] = []
    page.on("request", lambda each: requests.append(len(each.post_data or "")) if each.method == "POST" else None)
    wav = data_url(file_of(tone(20), "wav", "pcm_s16le"), "audio/wav")
    turns = [said(f"Turn {n}." * (n > 0), at=START + n, audioData=wav) for n in range(6)]
    page.goto(f"{server.url}/import")
    choose_file(page, json.dumps([nested(messages=turns)]))
    run_import(page)
    assert len(requests) > 1
    assert max(requests) < 5_000_000
    (conversation,) = kept(page, server)
    assert len(conversation["messages"]) == 6
    assert all("audioS3Key" in message for message in conversation["messages"])
    expect(page.locator("#report-lists details")).to_have_count(0)


@pytest.mark.parametrize(
    "export",
    [
        [nested(), flat(1)],
        nested(),
        {"conversations": [nested(), flat(1)], "storage": "local"},
        {"conversationHistory": [nested()], "englishPracticeConversations": [oldest(1)]},
        {"conversationHistory": json.dumps([nested()]), "theme": "dark", "__proto__": "x", "constructor": "y"},
        json.dumps(json.dumps([nested()])),
    ],
    ids=["list", "one", "our answer", "keys", "dump", "string"],
)
def test_exports_of_many_formats_are_read(page: Page, server: AgentServer, export: Any):
    page.goto(f"{server.url}/import")
    choose_file(page, export if isinstance(export, str) else json.dumps(export))
    run_import(page)
    assert nested()["id"] in [each["id"] for each in kept(page, server)]


def test_our_own_export_is_recognised_as_the_same_conversation(page: Page, server: AgentServer):
    open_import(page, server, conversationHistory=[nested()])
    run_import(page)
    answer = page.request.get(f"{server.url}/api/conversations").text()
    page.evaluate("() => localStorage.clear()")
    page.goto(f"{server.url}/import")
    choose_file(page, answer)
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("1 conversation already here")
    expect(page.locator("#report-lists details")).to_have_count(0)


def test_complete_conversations_of_a_truncated_export_are_imported(page: Page, server: AgentServer):
    complete = json.dumps([nested(), flat(1), oldest(2)])
    page.goto(f"{server.url}/import")
    choose_file(page, complete[: len(complete) - 100])
    expect(page.locator(".source-facts")).to_contain_text("2 conversations")
    page.get_by_text("1 that can't be used").click()
    expect(page.locator(".source-unusable")).to_contain_text("breaks off")
    run_import(page)
    expect(page.locator("#report-lists")).to_contain_text("1 that could not be used")
    assert violations(page) == []
    assert len(kept(page, server)) == 2


@pytest.mark.parametrize(
    "export", ["", "hello", "{", '{"a": 1}', "5", "null", '"x"', "[1, 2]", "\0\0", '{"conversationHistory": "[{"}']
)
def test_an_export_without_conversations_is_reported(page: Page, server: AgentServer, export: str):
    page.goto(f"{server.url}/import")
    choose_file(page, export)
    expect(page.locator(".source-unusable summary")).to_contain_text("can't be used")
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


@pytest.mark.parametrize("export", ["[]", '{"conversations": []}', '{"conversationHistory": []}'])
def test_an_empty_export_is_reported(page: Page, server: AgentServer, export: str):
    page.goto(f"{server.url}/import")
    choose_file(page, export)
    expect(page.locator(".source-facts")).to_have_text("no conversations in it")
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


def test_a_file_can_be_dropped_on_the_page(page: Page, server: AgentServer):
    page.goto(f"{server.url}/import")
    expect(page.locator("#found-status")).to_contain_text("Nothing of the earlier app is in this browser")
    page.evaluate(
        """text => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], "dropped.json"));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }""",
        json.dumps([oldest()]),
    )
    run_import(page)
    assert [each["id"] for each in kept(page, server)] == [oldest()["id"]]


def test_a_full_browser_storage_does_not_matter(page: Page, server: AgentServer):
    page.evaluate(DEPOSIT, {"conversationHistory": json.dumps([nested(), flat(1)])})
    page.evaluate(FILL)
    with pytest.raises(Exception, match="quota"):
        page.evaluate("() => localStorage.setItem('one-more', 'xx')")
    open_import(page, server)
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("2 conversations brought in")
    assert len(kept(page, server)) == 2


def test_an_import_can_be_cancelled_and_resumed(page: Page, server: AgentServer):
    open_import(page, server, conversationHistory=[nested(number) for number in range(45)])
    seen: list[int] = []
    held: list[Route] = []

    def delay_first_request(route: Route) -> None:
        seen.append(len(json.loads(route.request.post_data or "")["entries"]))
        if len(seen) == 1:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/import", delay_first_request)
    page.get_by_role("button", name=re.compile(r"^Import \d")).click()
    eventually(page, lambda: held)
    page.get_by_role("button", name="Cancel").click()
    held[0].continue_()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    some = len(kept(page, server))
    assert 0 < some < 45
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", f"{some} of 45 conversations")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#report-counts")).to_contain_text("45 conversations brought in")
    assert len(kept(page, server)) == sum(seen) == 45


def test_an_import_waits_for_the_server(page: Page, server: AgentServer):
    open_import(page, server, conversationHistory=[nested()])
    page.route("**/api/import", lambda route: route.abort())
    page.get_by_role("button", name=re.compile(r"^Import \d")).click()
    expect(page.get_by_role("alert").filter(has_text="can't be reached")).to_be_visible()
    page.unroute("**/api/import")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#report-counts")).to_contain_text("1 conversation brought in")


def test_a_too_deeply_nested_conversation_does_not_stop_the_others(page: Page, server: AgentServer):
    deep: Any = "x"
    for _ in range(80):
        deep = {"a": deep}
    open_import(page, server, conversationHistory=[nested(), nested(1, analysis=deep), nested(2)])
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("2 conversations brought in")
    expect(page.locator("#report-lists")).to_contain_text("1 that could not be used")


def test_a_deleted_conversation_is_restored_only_on_request(page: Page, server: AgentServer):
    open_import(page, server, conversationHistory=[nested()])
    run_import(page)
    page.request.delete(f"{server.url}/api/conversations?id={nested()['id']}")
    page.goto(f"{server.url}/import")
    run_import(page)
    expect(page.locator("#report-counts")).to_contain_text("1 conversation you had deleted here")
    assert kept(page, server) == []
    page.get_by_role("button", name="Bring the deleted one back").click()
    expect(page.locator("#report-counts")).to_contain_text("1 conversation brought in")
    assert len(kept(page, server)) == 1


def test_the_level_is_imported_if_chosen(page: Page, server: AgentServer):
    open_import(page, server, englishPracticeSettings=SETTINGS)
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    choice = page.get_by_label(re.compile("Take over the level: B2"))
    expect(page.locator(".source-settings")).to_contain_text("5 min")
    choice.check()
    page.get_by_role("button", name="Take over the level").click()
    expect(page.locator("#report-counts")).to_contain_text("Your level is B2 now")
    page.goto(server.url)
    expect(page.locator("input[name=level][value=B2]")).to_be_checked()


def test_the_report_can_be_downloaded(page: Page, server: AgentServer, tmp_path: Path):
    open_import(page, server, conversationHistory=[nested(), "junk"])
    run_import(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    download.value.save_as(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert [each["id"] for each in report["imported"]] == [nested()["id"]]
    assert [each["why"] for each in report["unusable"]] == ["This is not a conversation."]
    assert [each["text"] for each in report["lost"]] == ["Where are you from?"]


def test_an_import_works_with_the_keyboard_alone(page: Page, server: AgentServer):
    open_import(
        page, server, conversationHistory=[nested(config={"topic": "Cats"}), nested(1, config={"topic": "Dogs"})]
    )

    def tab_to(which: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("which => document.activeElement.matches(which)", which):
                return
        raise AssertionError(which)

    tab_to(".source-entries summary")
    page.keyboard.press("Enter")
    tab_to(".source-entries li:nth-child(2) input")
    page.keyboard.press("Space")
    tab_to("#file")
    tab_to("#import")
    page.keyboard.press("Enter")
    expect(page.locator("#report-title")).to_be_focused()
    tab_to("#to-history")
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_have_count(1)


SAMPLES: list[Any] = [
    nested(),
    flat(),
    oldest(),
    {"messages": [{"role": "user", "content": "Yes."}, {"role": "user", "content": "Yes."}]},
    {"messages": [{"id": "1", "role": "user", "content": "Yes."}, {"id": "1", "role": "user", "content": "Yes."}]},
    {"messages": [{"id": "ai-1", "text": "No role."}, {"content": "Nobody"}, {"role": "system", "content": "x"}, None]},
    {"messages": [{"role": "user", "content": " ", "audioData": sound()}, {"role": "ai", "content": " "}]},
    {"messages": [{"role": "user", "content": "x", "audioS3Key": "audio/x"}, {"role": "user", "content": ["x"]}]},
    {"messages": [None, 5, {}]},
    {"messages": []},
    {"messages": "x"},
    [],
    "junk",
    None,
]


def test_the_page_and_the_server_agree_on_what_is_usable(page: Page, server: AgentServer):
    page.goto(f"{server.url}/import")
    looked = page.evaluate(
        "async raws => { const { look } = await import(document.querySelector('script[type=module]').src"
        ".replace(/import(\\.[0-9a-f]+)?\\.js/, 'import-look.js')); return raws.map(look) }",
        SAMPLES,
    )
    body = {"entries": SAMPLES, "dry_run": True}
    results = page.request.post(f"{server.url}/api/import", data=body).json()["results"]
    assert [each["messages"] for each in looked] == [each["messages"] for each in results]
    assert [each["recordings"] for each in looked] == [each["recordings"] for each in results]
    assert [each["usable"] for each in looked] == [each["state"] != "unusable" for each in results]


@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_is_never_wider_than_the_window(server: AgentServer, width: int):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(f"{server.url}/history")
        long = "Supercalifragilistic" * 20
        open_import(page, server, conversationHistory=[nested(title=long), long], englishPracticeSettings=SETTINGS)
        page.get_by_text("Choose which").first.click()
        page.get_by_text("They are in another browser").click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        run_import(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
