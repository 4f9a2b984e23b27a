"""Sign up, merge, sign in with a passkey and with a real OpenID provider, in Chromium."""

import contextlib
import re
from collections.abc import Iterator

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import chromium, new_page
from tests.servers import AgentServer

ANNA, PASSWORD = "anna@example.org", "a long enough passphrase"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server with an OpenID provider. Passkeys need a name, not an IP address."""
    carla = User(sub="carla", claims={"email": "carla@example.org", "email_verified": True})
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(run_server_in_thread(user_claims=[carla]))
        oidc = {
            "OIDC_NAME": "School",
            "OIDC_SERVER_URL": f"http://localhost:{provider.server_port}",
            "OIDC_CLIENT_ID": "talking-agent",
            "OIDC_CLIENT_SECRET": "secret",
        }
        server = AgentServer(tmp_path_factory.mktemp("accounts"), oidc)
        server.set_up()
        server.start()
        stack.callback(server.kill)
        yield f"http://localhost:{server.port}"


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 860})


def opened(context: BrowserContext, site: str, *conversations: str) -> Page:
    """Open the first page, and save conversations as its learner."""
    page = new_page(context)
    page.goto(site)
    for wire_id in conversations:
        message = {"id": "m1", "role": "user", "content": f"Hello from {wire_id}"}
        body = {"id": wire_id, "config": {"topic": wire_id}, "messages": [message]}
        assert page.request.post(f"{site}/api/conversations", data=body).ok
    return page


def sign_up(page: Page, email: str) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Create one").click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator(".account-link")).to_have_attribute("title", email)


def test_an_account_is_made_and_another_browser_brings_its_conversations_along(
    site: str, context: BrowserContext
) -> None:
    laptop = opened(context, site, "laptop")
    assert violations(laptop) == []
    sign_up(laptop, ANNA)
    with chromium() as browser:
        phone = opened(browser.new_context(viewport={"width": 390, "height": 844}), site, "phone-1", "phone-2")
        phone.get_by_role("link", name="Sign in").click()
        assert violations(phone) == []
        phone.get_by_label("Email").fill(ANNA)
        phone.get_by_label("Password").fill(PASSWORD)
        phone.get_by_role("button", name="Sign in", exact=True).click()
        expect(phone.locator(".lede")).to_contain_text("2 conversations were held in this browser")
        assert violations(phone) == []
        phone.get_by_role("button", name="Bring them along").click()
        expect(phone.locator("#merge-status")).to_have_text("Done: 2 of 2.")
        assert violations(phone) == []
        phone.get_by_role("link", name="Your talks").click()
        expect(phone.locator(".entry")).to_have_count(3)
        laptop.goto(f"{site}/account/")
        assert violations(laptop) == []
        laptop.get_by_role("button", name=re.compile("^Sign out .*signed in on")).click()
        expect(laptop.get_by_role("status").filter(has_text="The device is signed out.")).to_be_visible()
        phone.goto(f"{site}/history")
        expect(phone.get_by_role("link", name="Sign in")).to_be_visible()
        expect(phone.locator(".entry")).to_have_count(0)


def test_a_passkey_is_added_and_signs_in(site: str, context: BrowserContext) -> None:
    page = opened(context, site, "mine")
    authenticator = context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_up(page, "ben@example.org")
    page.goto(f"{site}/account/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    assert violations(page) == []
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page).to_have_url(re.compile("/account/2fa/recovery-codes/"))
    page.goto(f"{site}/account/")
    page.get_by_role("button", name="Sign out here").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator(".account-link")).to_have_attribute("title", "ben@example.org")
    page.goto(f"{site}/history")
    expect(page.locator(".entry")).to_have_count(1)


def test_an_openid_provider_signs_up_and_in(site: str, context: BrowserContext) -> None:
    page = opened(context, site, "mine")
    for expected in (1, 1):
        page.goto(f"{site}/account/login/")
        page.get_by_role("link", name="School").click()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="carla").click()
        expect(page.locator(".account-link")).to_have_attribute("title", "carla@example.org")
        page.goto(f"{site}/history")
        expect(page.locator(".entry")).to_have_count(expected)
        page.goto(f"{site}/account/")
        page.get_by_role("button", name="Sign out here").click()
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
