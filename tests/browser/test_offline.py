"""While the server cannot be reached, the offline page says what is kept, and continues by itself."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import WITHIN, chromium, eventually
from tests.browser.test_history import conversation
from tests.browser.test_talk import start_talking
from tests.servers import AgentServer

CACHED = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const requests = await (await caches.open(name)).keys();
    found[name] = requests.map(({ url }) => new URL(url).pathname);
  }
  return found;
}"""
KEEP_A_TURN = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("outbox", 1);
  opening.onsuccess = () => {
    const turn = { conversation: "conv-1", item: "user-1", text: "I am still here." };
    const entry = { ...turn, key: "conv-1/user-1", tab: "gone", time: 1, finished: true };
    const writing = opening.result.transaction("entries", "readwrite");
    writing.objectStore("entries").put(entry);
    writing.oncomplete = resolve;
    writing.onerror = reject;
  };
})"""


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 860})


def visit(page: Page, server: AgentServer, path: str = "/") -> None:
    """Open the page, and wait until the browser has cached the offline page."""
    page.goto(f"{server.url}{path}")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    eventually(page, lambda: page.evaluate("navigator.serviceWorker.controller !== null"))


def test_the_offline_page_says_what_is_kept_and_continues_by_itself(page: Page, own_server: AgentServer):
    visit(page, own_server)
    page.wait_for_selector(".scenario")
    page.evaluate(KEEP_A_TURN)
    failed: list[str] = []
    own_server.kill()
    # Files that are not cached for this page must not come from the browser's own cache, either.
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("requestfailed", lambda request: failed.append(request.url))
    for path in ("/history", "/?conversation=conv-1", "/import"):
        page.goto(f"{own_server.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text("The server can't be reached")
        expect(page.locator("#kept")).to_contain_text("Kept in this browser: 1 turn of a talk")
        expect(page.locator("#kept")).to_contain_text("sent by itself")
        assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(248, 246, 241)"
    assert [url for url in failed if not url.endswith("/healthz")] == []
    own_server.start()
    expect(page.locator(".import-head")).to_be_visible(timeout=WITHIN)
    page.goto(own_server.url)
    sent = f"{own_server.url}/api/conversations/conv-1"
    eventually(page, lambda: page.request.get(sent).ok)
    assert page.request.get(sent).json()["conversation"]["messages"][0]["content"] == "I am still here."


def test_a_server_that_never_answers_counts_as_down(page: Page, own_server: AgentServer):
    visit(page, own_server)
    own_server.freeze()
    try:
        page.goto(f"{own_server.url}/history", timeout=WITHIN)
        expect(page.get_by_role("heading", level=1)).to_have_text("The server can't be reached")
    finally:
        own_server.thaw()
    expect(page.locator("#history-title")).to_be_visible(timeout=WITHIN)


def test_the_service_worker_caches_nothing_private(page: Page, server: AgentServer):
    visit(page, server)
    page.request.post(f"{server.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
    start_talking(page, server)
    page.goto(f"{server.url}/history")
    page.locator(".entry a").first.click()
    page.wait_for_selector("li.turn")
    (kept,) = page.evaluate(CACHED).values()
    assert "/offline" in kept
    assert [path for path in kept if path != "/offline" and not path.startswith("/static/")] == []
    assert "learner" not in page.request.get(f"{server.url}/offline").headers.get("set-cookie", "")


class Releases(BaseHTTPRequestHandler):
    """Proxy a server. When `changed` is set, its service worker is that of the next release."""

    server_url = ""
    changed: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        with urllib.request.urlopen(f"{self.server_url}{self.path}") as answer:
            body = answer.read()
            kind = answer.headers["Content-Type"]
        if self.path == "/service-worker.js":
            for old, new in self.changed.items():
                body = body.replace(old.encode(), new.encode())
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_a_new_release_replaces_the_service_worker(page: Page, server: AgentServer):
    Releases.server_url = server.url
    with ThreadingHTTPServer(("127.0.0.1", 0), Releases) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{proxy.server_port}/offline")
        page.evaluate(
            "navigator.serviceWorker.register('/service-worker.js').then(() => navigator.serviceWorker.ready).then(() => 1)"
        )
        eventually(page, lambda: len(page.evaluate(CACHED)) == 1)
        (before,) = page.evaluate(CACHED)
        page.evaluate("caches.open('of-others').then(() => 1)")
        Releases.changed = {before: "offline-newer"}
        page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update()).then(() => 1)")
        eventually(page, lambda: set(page.evaluate(CACHED)) == {"offline-newer", "of-others"})
        proxy.shutdown()
    assert page.request.get(f"{server.url}/service-worker.js").headers["cache-control"] == "no-cache"


def test_operators_and_programs_see_the_servers_own_error(page: Page, own_server: AgentServer):
    visit(page, own_server)
    own_server.kill()
    for path in ("/admin/", "/api/scenarios"):
        with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
            page.goto(f"{own_server.url}{path}")


def test_a_browser_can_install_the_application(page: Page, server: AgentServer):
    page.goto(server.url)
    address = page.locator("link[rel=manifest]").get_attribute("href")
    answer = page.request.get(f"{server.url}{address}")
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = json.loads(answer.text())
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    for icon in manifest["icons"]:
        found = page.request.get(f"{server.url}{icon['src']}")
        assert found.headers["content-type"].startswith(icon["type"])
