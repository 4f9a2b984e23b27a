"""axe-core finds no violations on any page in any state, and all pages work with the keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from simulators.openai import Provider
from tests.browser.axe import violations
from tests.browser.chromium import WITHIN, chromium, eventually, new_page
from tests.browser.microphone import add_microphone, say
from tests.browser.test_console import OPERATOR, PASSWORD, sign_in
from tests.browser.test_history import conversation
from tests.browser.test_import import open_import, run_import
from tests.browser.test_talk import start_talking
from tests.fixtures import PROVIDER_KEY, served
from tests.servers import AgentServer
from tests.talking import SPEECH, spoken

SAID = "My brother has went to London last week."
ADMIN = (
    *("", "conversations/conversation/", "conversations/conversation/usage/", "audio/recording/", "password_change/"),
    *("storage/", "storage/cost/", "auth/user/", "auth/user/add/", "auth/user/1/change/", "auth/group/add/"),
    *("auth/user/1/delete/", "admin/logentry/", "staff/accessrecord/"),
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """Run a server with an operator."""
    agent = AgentServer(tmp_path_factory.mktemp("agent"), {"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    agent.set_up()
    agent.manage(*OPERATOR)
    with served(agent):
        yield agent


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 860})


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = new_page(context)
    yield page
    page.close()


def test_the_start_page_and_the_settings(page: Page, agent: AgentServer):
    page.goto(agent.url)
    page.wait_for_selector(".scenario")
    assert violations(page) == []
    page.locator(".scenario", has=page.locator("input[value=own-topic]")).click()
    assert violations(page) == []
    page.get_by_role("button", name="Settings").click()
    assert violations(page) == []


def test_a_talk_from_its_beginning_to_its_summary(page: Page, agent: AgentServer):
    start_talking(page, agent)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    assert violations(page) == []
    page.get_by_role("button", name="Type", exact=True).click()
    page.get_by_label("Type what you want to say").fill(SAID)
    page.keyboard.press("Enter")
    expect(page.locator(".correction")).to_be_visible(timeout=WITHIN)
    page.get_by_role("button", name="How long this answer took").last.click(timeout=WITHIN)
    page.get_by_role("button", name="Hint").click()
    page.get_by_role("button", name="Correct what was misheard").click()
    assert violations(page) == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("switch", name="Hands-free").check()
    page.get_by_role("button", name="Mute").click()
    page.get_by_role("button", name="Let me think").click()
    assert violations(page) == []
    page.get_by_role("button", name="End talk").click()
    expect(page.locator("#feedback")).to_have_attribute("data-state", "there", timeout=WITHIN)
    expect(page.locator("#summary-saving")).to_have_text("Everything is saved.", timeout=WITHIN)
    assert violations(page) == []


@pytest.fixture
def unsure(tmp_path: Path, provider: Provider) -> Iterator[AgentServer]:
    """Run a server whose transcripts have doubtful words. With the embedded model, they would depend on the processor."""
    env = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": provider.url, "TUTOR_ENGINE": "openai_pipeline"}
    server = AgentServer(tmp_path / "unsure", env | {"OPENAI_TRANSCRIPTION_MODEL": "gpt-4o-mini-transcribe"})
    server.set_up()
    provider.configure(transcripts=["I went to the Panera Nailaski."], unlikelihood=2.0)
    with served(server):
        yield server


def test_words_in_doubt_are_marked(context: BrowserContext, unsure: AgentServer):
    assert context.browser
    # A new learner, whose settings are those of the first visit.
    page = context.browser.new_page()
    add_microphone(page)
    start_talking(page, unsure)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.locator("#talk-title").focus()
    page.keyboard.down("Space")
    say(page, spoken("learner_london"))
    page.keyboard.up("Space")
    turn = page.locator("li.turn[data-role=user]")
    expect(turn.locator(".unsure").first).to_be_visible(timeout=WITHIN)
    expect(turn.locator(".corrections")).to_contain_text("not sure")
    assert violations(page) == []
    turn.get_by_role("button", name="Yes, I said this").click(timeout=WITHIN)
    expect(turn.locator(".unsure")).to_have_count(0, timeout=WITHIN)
    expect(turn.locator(".turn-text")).to_have_text("I went to the Panera Nailaski.")
    page.context.close()


def test_a_talk_without_a_microphone_and_without_a_connection(page: Page, agent: AgentServer):
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    start_talking(page, agent)
    expect(page.locator("#microphone-help")).to_be_visible(timeout=WITHIN)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#connection-notice")).to_be_visible(timeout=WITHIN)
    assert violations(page) == []


def test_the_history_and_a_talk_in_it(page: Page, agent: AgentServer):
    page.goto(f"{agent.url}/history")
    talk = conversation(0, "Cooking", "I made a soup.")
    page.request.post(f"{agent.url}/api/conversations", data=talk)
    page.reload()
    page.wait_for_selector(".entry")
    assert violations(page) == []
    page.goto(f"{agent.url}/history/{talk['id']}")
    page.wait_for_selector("li.turn")
    assert violations(page) == []
    page.get_by_role("button", name="Rename").click()
    assert violations(page) == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".toast")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Delete all").click()
    assert violations(page) == []


def test_an_empty_history(context: BrowserContext, agent: AgentServer):
    assert context.browser
    page = context.browser.new_page()
    page.goto(f"{agent.url}/history")
    expect(page.locator("#empty")).to_be_visible()
    assert violations(page) == []
    page.context.close()


def test_the_privacy_page_and_its_choices(page: Page, agent: AgentServer):
    page.goto(f"{agent.url}/privacy")
    assert violations(page) == []
    page.get_by_role("button", name="in the settings").click()
    page.get_by_label("Keep my talks").select_option("30")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("switch", name="Keep recordings").uncheck()
    page.get_by_role("button", name="Erase all recordings").click()
    expect(page.locator("#privacy-status")).to_contain_text("Your words stay")
    assert violations(page) == []


def test_the_import_page_before_and_after_an_import(page: Page, agent: AgentServer):
    page.goto(f"{agent.url}/import")
    assert violations(page) == []
    page.goto(f"{agent.url}/history")
    open_import(page, agent, conversationHistory=[conversation(1, "Trains", "I like trains."), "junk"])
    expect(page.locator(".source").first).to_be_visible()
    assert violations(page) == []
    run_import(page)
    expect(page.locator("#report")).to_be_visible(timeout=WITHIN)
    assert violations(page) == []


@pytest.mark.parametrize("address", ["nowhere", "offline"])
def test_not_found_pages(page: Page, agent: AgentServer, address: str):
    page.goto(f"{agent.url}/{address}")
    assert violations(page) == []


@pytest.mark.parametrize("template", ["500.html", "admin/unreachable.html"])
def test_pages_without_the_base_template(page: Page, agent: AgentServer, template: str):
    # Serve these pages without the application, as when everything else is broken.
    text = (Path(__file__).resolve().parents[2] / "templates" / template).read_text()
    page.route("**/broken", lambda route: route.fulfill(body=text, content_type="text/html"))
    page.goto(f"{agent.url}/broken")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert violations(page) == []


def test_the_api_documentation_collapsed_and_expanded(page: Page, agent: AgentServer):
    page.goto(f"{agent.url}/api/docs")
    page.wait_for_selector(".opblock")
    assert violations(page) == []
    page.locator(".opblock-get", has_text="/api/conversations").locator(".opblock-summary-control").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table")
    assert violations(page) == []


def test_the_pages_of_operators(page: Page, agent: AgentServer):
    page.goto(f"{agent.url}/admin/")
    assert violations(page) == []
    page.locator("input[name=login]").fill("operator")
    page.locator("input[name=password]").fill("a guess")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_selector(".banner.wrong")
    assert violations(page) == []
    sign_in(page, agent, PASSWORD)
    page.request.post(f"{agent.url}/api/conversations", data=conversation(2, "Films", "I seen a film."))
    voice: FilePayload = {
        "name": "turn.wav",
        "mimeType": "audio/wav",
        "buffer": (SPEECH / "learner_london.wav").read_bytes(),
    }
    page.request.post(f"{agent.url}/api/conversations/spoken/turns", multipart={"audio": voice, "reply": "false"})
    objections = {}
    for address in ADMIN:
        page.goto(f"{agent.url}/admin/{address}")
        objections[address] = violations(page)
    page.goto(f"{agent.url}/admin/conversations/conversation/")
    page.locator("#result_list tbody th a").first.click()
    objections["one conversation"] = violations(page)
    page.goto(f"{agent.url}/admin/audio/recording/")
    page.locator("#result_list tbody th a").first.click()
    objections["one recording"] = violations(page)
    for number, name in ((1, "one"), (2, "several")):
        page.goto(f"{agent.url}/admin/conversations/conversation/")
        for box in page.locator("#result_list input.action-select").all()[:number]:
            box.check()
        page.get_by_label("Action:").select_option(index=1)
        page.get_by_role("button", name="Go", exact=True).click()
        page.wait_for_selector("input[type=submit]")
        objections[f"the deletion of {name}"] = violations(page)
    page.goto(f"{agent.url}/admin/storage/")
    page.get_by_role("button", name="Verify").click()
    page.locator("#results-list li").first.wait_for(timeout=WITHIN)
    objections["verified"] = violations(page)
    assert {address: found for address, found in objections.items() if found} == {}


def test_a_talk_works_with_the_keyboard_alone(page: Page, agent: AgentServer):
    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(document.activeElement.innerText || '').trim()").startswith(name):
                return
        raise AssertionError(f"{name} was not reached.")

    page.goto(agent.url)
    page.wait_for_selector(".scenario")
    tab_to("Start talking")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    tab_to("Type")
    page.keyboard.press("Enter")
    page.keyboard.type(SAID)
    page.keyboard.press("Enter")
    expect(page.locator("li.turn[data-role=assistant]")).to_have_count(2, timeout=WITHIN)
    page.locator("#talk-title").focus()
    tab_to("End talk")
    page.keyboard.press("Enter")
    expect(page.locator("#summary-title")).to_be_focused()
    eventually(page, lambda: page.locator("#go-on").is_enabled())
    tab_to("Go on talking")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_have_attribute("data-view", "conversation")
