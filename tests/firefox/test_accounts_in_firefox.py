"""Sign up, merge, use the own page, export and erase, in Firefox, on a wide and a narrow window."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.firefox.browser import Firefox, missing
from tests.fixtures import served
from tests.servers import AgentServer

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "a long enough passphrase"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
ENTRIES = "document.querySelectorAll('.entry').length"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with served(Firefox(tmp_path_factory.mktemp("firefox"))) as firefox:
        yield firefox


def opened(page: Firefox, server: AgentServer, width: int, *conversations: str) -> None:
    """Open the first page as a new visitor, and save conversations as its learner."""
    page.open()
    page.resize(width, 844)
    page.goto(server.url)
    for wire_id in conversations:
        message = {"id": "m1", "role": "user", "content": f"Hello from {wire_id}"}
        body = json.dumps({"id": wire_id, "messages": [message]})
        options = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {json.dumps(body)}}}"
        assert page.evaluate(f"fetch('/api/conversations', {options}).then((answer) => answer.status)") == 201


def sign_up(page: Firefox, email: str) -> None:
    page.click("a[href^='/account/login/']")
    page.click("a[href^='/account/signup/']")
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    assert page.evaluate(FITS)
    page.click("::-p-aria(Create the account)")
    page.until(f"document.querySelector('.account-link')?.title === {json.dumps(email)}")


@pytest.mark.parametrize("width", [1280, 390])
def test_an_account_is_made_and_another_browser_brings_its_conversations_along(
    server: AgentServer, firefox: Firefox, width: int
) -> None:
    email = f"firefox-{width}@example.org"
    opened(firefox, server, width, f"laptop-{width}")
    sign_up(firefox, email)
    assert firefox.problems() == []
    # A new visitor of the same Firefox is another browser.
    opened(firefox, server, width, f"phone-{width}-1", f"phone-{width}-2")
    firefox.click("a[href^='/account/login/']")
    firefox.fill("input[name=login]", email)
    firefox.fill("input[name=password]", PASSWORD)
    assert firefox.evaluate(FITS)
    firefox.click('::-p-aria([name="Sign in"][role="button"])')
    firefox.until("document.querySelector('.lede')?.textContent.includes('2 conversations were held in this browser')")
    assert firefox.evaluate(FITS)
    firefox.click("::-p-aria(Bring them along)")
    firefox.until("document.querySelector('#merge-status')?.textContent === 'Done: 2 of 2.'")
    firefox.goto(f"{server.url}/history")
    firefox.until(f"{ENTRIES} === 3")
    assert firefox.problems() == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_learner_uses_a_token_exports_and_erases_everything(
    server: AgentServer, firefox: Firefox, width: int
) -> None:
    opened(firefox, server, width, f"own-{width}")
    firefox.goto(f"{server.url}/me")
    firefox.until("document.querySelector('#fact-talks').textContent === '1'")
    learner = firefox.evaluate("document.querySelector('#learner-id').textContent")
    assert firefox.evaluate(FITS)
    firefox.fill("#token-name", "My script")
    firefox.click("::-p-aria(Create a token)")
    firefox.until("document.querySelector('#secret')?.textContent.startsWith('ta_')")
    headers = {"Authorization": f"Bearer {firefox.evaluate('document.querySelector(`#secret`).textContent')}"}
    assert httpx.get(f"{server.url}/api/me", headers=headers).json()["learner"] == learner
    firefox.click("::-p-aria(Export everything)")
    firefox.until("document.querySelector('#export-link').checkVisibility()")
    file = httpx.get(f"{server.url}/api/me/export/file", headers=headers)
    assert file.content.startswith(b"PK")
    firefox.click("::-p-aria(Erase everything…)")
    firefox.fill("#erase-words", "erase everything")
    assert firefox.evaluate(FITS)
    firefox.click("#erase-confirm")
    firefox.until("document.querySelector('#fact-talks').textContent === '0'")
    assert firefox.evaluate("document.querySelector('#learner-id').textContent") != learner
    assert httpx.get(f"{server.url}/api/me", headers=headers).status_code == 401
    assert firefox.problems() == []
