"""The pictures in docs/screenshots: `make screenshots`. A real server, a real talk, a real browser."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser import test_console
from tests.browser.chromium import OPENING_S, chromium, microphone_file
from tests.browser.test_history import conversation
from tests.browser.test_talk import WITHIN, hands_free, start_talking, wait_until_answered
from tests.fixtures import served
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.talking import silence, spoken

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
WIDE: ViewportSize = {"width": 1280, "height": 860}
NARROW: ViewportSize = {"width": 390, "height": 844}
OPERATOR = {"DJANGO_SUPERUSER_PASSWORD": "for-the-pictures"}


def take(page: Page, name: str, *, full: bool = False) -> None:
    page.wait_for_timeout(400)  # what fades in has faded in
    page.screenshot(path=FOLDER / f"{name}.png", full_page=full)
    print(f"docs/screenshots/{name}.png")


def take_all_looks(page: Page, name: str) -> None:
    """The same page wide, narrow and dark."""
    take(page, f"{name}-wide")
    page.emulate_media(color_scheme="dark")
    take(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    take(page, f"{name}-narrow")
    page.set_viewport_size(WIDE)


def talk(browser: Browser, server: AgentServer) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(server.url)
    page.wait_for_selector(".scenario")
    take_all_looks(page, "start")
    start_talking(page, server)
    hands_free(page)
    wait_until_answered(page, turns=1)
    wait_until_answered(page, turns=2)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    take_all_looks(page, "talk")
    page.goto(f"{server.url}/history")
    page.wait_for_selector(".entry")
    take_all_looks(page, "history")
    page.locator(".entry a").first.click()
    page.wait_for_selector("li.turn")
    take_all_looks(page, "conversation")


def admin(browser: Browser, server: AgentServer) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{server.url}/admin/")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill(OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{server.url}/admin/conversations/conversation/")
    take_all_looks(page, "admin-conversations")
    page.locator("#result_list tbody th a").first.click()
    take_all_looks(page, "admin-conversation")
    page.goto(f"{server.url}/admin/audio/recording/")
    take_all_looks(page, "admin-recordings")


def console(browser: Browser) -> None:
    """The operators' pages about storage: before a migration, during one, and when the bucket is away."""
    with (
        served(PostgresServer(temporary_folder("postgresql"))) as database,
        served(S3Server(temporary_folder("s3"))) as s3,
    ):
        off = {"USE_CLOUD_STORAGE": "false", **OPERATOR}
        folder = temporary_folder("agent") / "data"
        agent = AgentServer(folder, database.env, s3.env, off)
        agent.set_up()
        agent.manage(*test_console.OPERATOR)
        test_console.gather(agent, talks=80, recordings=2_000, missing=2, repeated=4_000)
        with served(agent):
            page = browser.new_page(viewport=WIDE)
            test_console.sign_in(page, agent, OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
            page.goto(f"{agent.url}/admin/storage/")
            page.get_by_role("button", name="Verify").click()
            page.get_by_text(re.compile(r"^\d+ checks: ")).wait_for()
            page.locator("#results").evaluate("results => results.scrollIntoView()")
            take_all_looks(page, "console-verify")
            test_console.plan(page)
            take(page, "console-plan")
            page.goto(f"{agent.url}/admin/storage/")
            test_console.begin_slowly(page)
            s3.freeze()  # it must not be done before the pictures are
            take_all_looks(page, "console-run")
            s3.thaw()
            page.get_by_text("Not copied (2)").wait_for()
            take(page, "console-run-failed")
            page.goto(f"{agent.url}/admin/storage/cost/")
            take_all_looks(page, "console-cost")
        on = AgentServer(temporary_folder("agent-on") / "data", database.env, s3.env)
        on.set_up()
        with served(on):
            test_console.sign_in(page, on, OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
            page.goto(f"{on.url}/admin/storage/")
            take(page, "console-on")
            s3.kill()
            page.request.post(f"{on.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
            page.goto(f"{on.url}/admin/")
            take(page, "console-front")
            page.goto(f"{on.url}/admin/storage/")
            take_all_looks(page, "console-degraded")
            database.kill()
            page.goto(f"{on.url}/admin/")
            take(page, "console-unreachable")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = AgentServer(Path(folder) / "data", **OPERATOR)
        server.set_up()
        server.manage("createsuperuser", "--noinput", "--username", "operator", "--email", "operator@example.org")
        server.start()
        pause = silence(9)
        voices = (silence(OPENING_S + 3), spoken("learner_london"), pause, spoken("learner_family"), pause)
        heard = microphone_file(Path(folder) / "microphone.wav", *voices)
        try:
            with chromium(heard) as browser:
                talk(browser, server)
                admin(browser, server)
                console(browser)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
