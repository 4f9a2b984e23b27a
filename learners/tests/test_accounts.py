"""Sign up, in and out, by real requests. An account is the learner of the browser that made it."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import caches
from django.db import OperationalError, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from learners import cookie, identity, invitations
from learners.models import Account, Device, Invitation
from learners.tests.browsing import ANNA, PASSWORD, Browser, browser
from tests.clients import staff_with

pytestmark = pytest.mark.django_db(databases=["default", "local"])


def test_signing_up_keeps_the_conversations_of_the_browser() -> None:
    client = browser()
    client.save("conv-1")
    learner = client.claim.learner
    assert client.sign_up().url == "/"
    assert Account.objects.get().learner == learner
    assert (client.claim.learner, client.claim.device) == (learner, Device.objects.get().pk)
    assert client.conversations() == ["conv-1"]
    assert ANNA in client.get("/").text


def test_an_account_has_its_conversations_on_every_device() -> None:
    laptop, phone = browser(), Browser()
    laptop.save("conv-1")
    laptop.sign_up()
    assert phone.sign_in().url == "/"
    assert phone.conversations() == ["conv-1"]
    phone.save("conv-2")
    assert set(laptop.conversations()) == {"conv-1", "conv-2"}


def test_signing_out_gives_the_browser_a_new_learner() -> None:
    client = browser()
    client.save("conv-1")
    client.sign_up()
    own = client.cookies[cookie.NAME].value
    client.post("/account/logout/")
    assert client.claim.device is None
    assert client.conversations() == []
    # The old cookie has become useless, and so has a forged one without a device.
    for value in (own, cookie.seal(Account.objects.get().learner)):
        thief = Browser()
        thief.cookies[cookie.NAME] = value
        assert thief.is_refused


def test_signing_out_everywhere_ends_all_devices_and_their_sessions() -> None:
    laptop, phone = browser(), Browser()
    laptop.save("conv-1")
    laptop.sign_up()
    phone.sign_in()
    assert phone.conversations() == ["conv-1"]
    assert phone.get("/account/").status_code == 200
    assert laptop.post("/account/sign-out-everywhere/").url == "/account/login/"
    assert laptop.conversations() == []
    assert phone.is_refused
    # A page gives it a new learner.
    phone.get("/")
    assert phone.conversations() == []
    assert phone.get("/account/").url == "/account/login/?next=/account/"
    assert not Device.objects.exists()


def test_one_device_signs_out_another() -> None:
    laptop, phone = browser(), Browser(headers={"User-Agent": "Mozilla/5.0 (Android 14; Mobile) Firefox/150.0"})
    laptop.sign_up()
    phone.sign_in()
    page = laptop.get("/account/").text
    assert "Firefox on Android" in page
    other = phone.claim.device
    laptop.post(f"/account/devices/{other}/sign-out/")
    assert phone.get("/account/").status_code == 302
    assert laptop.get("/account/").status_code == 200


def test_a_device_of_another_account_cannot_be_signed_out() -> None:
    anna, ben = browser(), browser()
    anna.sign_up()
    ben.sign_up("ben@example.org")
    ben.post(f"/account/devices/{anna.claim.device}/sign-out/")
    assert anna.get("/account/").status_code == 200


def test_a_device_that_another_process_signed_out_is_refused_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser()
    client.save("conv-1")
    client.sign_up()
    assert client.conversations() == ["conv-1"]
    Device.objects.all().delete()
    assert client.conversations() == ["conv-1"]
    # The answer in the cache ends.
    caches["memory"].clear()
    assert client.is_refused


def test_a_deactivated_user_is_signed_out() -> None:
    client = browser()
    client.save("conv-1")
    client.sign_up()
    get_user_model().objects.update(is_active=False)
    caches["memory"].clear()
    assert client.is_refused
    assert Browser().sign_in().url == "/account/inactive/"


def test_requests_of_a_device_read_no_accounts() -> None:
    client = browser()
    client.sign_up()
    client.get("/")
    with CaptureQueriesContext(connections["default"]) as accounts:
        client.get("/")
        client.conversations()
    assert len(accounts) == 0


@pytest.mark.parametrize("device", [True, False])
def test_an_outage_of_the_accounts_locks_no_learner_out(device: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser()
    client.save("conv-1")
    if device:
        client.sign_up()
    caches["memory"].clear()

    def fail(claim: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(identity, "_ask", fail)
    assert client.conversations() == ["conv-1"]


def test_another_account_on_the_same_browser_gets_a_learner_of_its_own() -> None:
    client = browser()
    client.save("conv-1")
    client.sign_up()
    first = client.claim
    # The session ends, the cookie stays.
    del client.cookies["sessionid"]
    client.sign_up("ben@example.org")
    assert client.claim.learner != first.learner
    assert client.conversations() == []
    assert first.device
    assert not Device.objects.filter(pk=first.device).exists()


def test_signing_in_again_on_a_device_makes_no_second_one() -> None:
    client = browser()
    client.sign_up()
    del client.cookies["sessionid"]
    client.sign_in()
    assert Device.objects.count() == 1


def test_changing_the_password_signs_out_the_other_devices() -> None:
    laptop, phone = browser(), Browser()
    laptop.sign_up()
    phone.sign_in()
    new = {"oldpassword": PASSWORD, "password1": "another long passphrase", "password2": "another long passphrase"}
    assert laptop.post("/account/password/change/", new).status_code == 302
    assert laptop.get("/account/").status_code == 200
    assert phone.get("/account/").status_code == 302
    assert Device.objects.count() == 1


def test_an_address_is_changed_only_with_the_password() -> None:
    client, new = browser(), {"action_add": "", "email": "new@example.org"}
    client.sign_up()
    user = get_user_model().objects.get()
    for action in (new, {"action_remove": "", "email": ANNA}):
        asked = client.post("/account/email/", action)
        assert asked.url.startswith("/account/reauthenticate/")
        assert [each.email for each in EmailAddress.objects.filter(user=user)] == [ANNA]
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.post("/account/email/", new)
    assert EmailAddress.objects.filter(user=user, email="new@example.org").exists()


def test_a_forgotten_password_is_reset_by_mail_and_ends_all_devices() -> None:
    owner, other = browser(), Browser()
    owner.sign_up()
    other.post("/account/password/reset/", {"email": ANNA})
    letter = next(each.body for each in mail.outbox if "/password/reset/key/" in each.body)
    assert "learner-" not in letter
    link = re.search(r"http://testserver(/\S+)", str(letter))
    assert link
    form = other.get(link[1]).url
    new = {"password1": "another long passphrase", "password2": "another long passphrase"}
    other.post(form, new)
    assert owner.get("/account/").status_code == 302
    assert Browser().sign_in(password="another long passphrase").status_code == 302


@pytest.mark.parametrize("sends_mail", [True, False])
def test_the_pages_say_whether_mail_is_sent(sends_mail: bool, settings: Any) -> None:
    owner = browser()
    owner.sign_up()
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"} if sends_mail else {}
    assert ("This site sends no email" in Browser().get("/account/password/reset/").text) is not sends_mail
    done = Browser().post("/account/password/reset/", {"email": ANNA}, follow=True).text
    assert ("Look at your email" in done) is sends_mail
    assert ("Send the confirmation again" in owner.get("/account/email/").text) is sends_mail


def test_a_link_that_does_not_work_leads_on() -> None:
    for path in ("/account/password/reset/key/1-x-y/", "/account/inactive/", "/account/3rdparty/login/cancelled/"):
        page = browser().get(path).text
        assert 'class="button' in page.partition("<main")[2].partition("</main>")[0]


def test_nobody_learns_whether_an_account_exists() -> None:
    browser().sign_up()
    mail.outbox.clear()
    answers = [Browser().post("/account/password/reset/", {"email": each}) for each in (ANNA, "nobody@example.org")]
    assert {each.url for each in answers} == {"/account/password/reset/done/"}
    assert len(mail.outbox) == 2
    wrong = [Browser().sign_in(each, "wrong").text for each in (ANNA, "nobody@example.org")]
    hidden = [re.sub(r'value="[^"]*"', "", each) for each in wrong]
    assert hidden[0] == hidden[1]


def test_with_a_mail_server_an_address_is_verified_before_it_is_used(settings: Any) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"}
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
    client = browser()
    client.save("conv-1")
    answer = client.sign_up()
    assert answer.url == "/account/confirm-email/"
    assert not Account.objects.exists()
    code = re.search(r"^\s*([A-Z0-9-]{6,12})\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert code
    client.post(answer.url, {"code": code[1]})
    assert Account.objects.get().learner == client.claim.learner
    # An address that is taken gets the same answer, and the owner a letter.
    caches["default"].clear()
    again = browser().sign_up()
    assert (again.status_code, again.url) == (answer.status_code, answer.url)
    assert get_user_model().objects.count() == 1
    assert "already" in mail.outbox[-1].body


def test_a_failing_mail_server_is_a_sentence(settings: Any) -> None:
    browser().sign_up()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = Browser().post("/account/password/reset/", {"email": ANNA}, follow=True)
    assert "could not be sent" in answer.text


def test_a_class_behind_one_address_signs_up_and_in() -> None:
    for number in range(30):
        assert browser().sign_up(f"pupil-{number}@example.org").status_code == 302
    for number in range(30):
        assert Browser().sign_in(f"pupil-{number}@example.org").status_code == 302


@pytest.mark.parametrize("signup", ["closed", "invite"])
def test_sign_up_is_closed_without_an_invitation(signup: str, settings: Any) -> None:
    settings.SIGNUP = signup
    assert "No new accounts here" in browser().sign_up().text
    assert not get_user_model().objects.exists()


def test_an_invitation_works_once(settings: Any, operator: Client) -> None:
    settings.SIGNUP = "invite"
    page = operator.post("/admin/learners/invitation/add/", {"note": "Anna"}, follow=True).text
    link = re.search(r"http://testserver(/account/invitation/[\w-]+/)", page)
    assert link
    assert link[1].split("/")[3] not in str(Invitation.objects.values())
    first, second = browser(), browser()
    assert first.get(link[1]).url == "/account/signup/"
    assert second.get(link[1]).url == "/account/signup/"
    assert first.sign_up().url == "/"
    assert "No new accounts here" in second.sign_up("ben@example.org").text
    assert Browser().get(link[1]).status_code == 404
    assert Invitation.objects.get().used_by == get_user_model().objects.get(email=ANNA)


def test_an_invitation_that_two_use_at_once_makes_one_account(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SIGNUP = "invite"
    invitation = Invitation()
    token = invitations.new_token(invitation)
    invitation.save()
    client = browser()
    client.get(f"/account/invitation/{token}/")
    # The other sign-up comes between the check and the use.
    check = invitations.is_invited

    def beaten(request: Any) -> bool:
        there = check(request)
        Invitation.objects.update(used_at="2026-01-01T00:00:00Z")
        return there

    monkeypatch.setattr(invitations, "is_invited", beaten)
    client.sign_up()
    assert not get_user_model().objects.exists()


def test_a_wrong_invitation_stores_nothing_and_keeps_the_right_one(settings: Any) -> None:
    settings.SIGNUP = "invite"
    stranger = browser()
    assert stranger.get("/account/invitation/wrong/").status_code == 404
    assert not Session.objects.exists()
    invitation = Invitation()
    token = invitations.new_token(invitation)
    invitation.save()
    guest = browser()
    guest.get(f"/account/invitation/{token}/")
    assert guest.get("/account/invitation/wrong/").status_code == 404
    assert guest.sign_up().url == "/"


CALLS = [
    ("get", "/api/conversations"),
    ("post", "/api/conversations"),
    ("get", "/api/scenarios"),
    ("post", "/api/chat"),
    ("post", "/api/text-to-speech"),
    ("post", "/api/conversations/c/turns"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_site_that_requires_accounts_refuses_calls_without_one(method: str, path: str, settings: Any) -> None:
    settings.SIGNUP = "required"
    answer = getattr(browser(), method)(path, {}, content_type="application/json")
    assert answer.status_code == 401
    assert answer.json() == {"error": "Sign in first: this site needs an account."}


def test_a_site_that_requires_accounts_leads_to_the_sign_in(settings: Any) -> None:
    settings.SIGNUP = "required"
    client = browser()
    assert client.get("/").url == "/account/login/?next=/"
    assert client.get("/history/conv-1").url == "/account/login/?next=/history/conv-1"
    assert client.get("/api/docs").status_code == 200
    client.sign_up()
    assert client.get("/").status_code == 200
    client.save("conv-1")


def with_app(user: Any) -> Callable[[], str]:
    """Give the user an authenticator app. Return what the app shows."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    return lambda: totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))


def test_an_operator_signs_in_to_the_admin_by_name() -> None:
    get_user_model().objects.create_superuser("root", password=PASSWORD)
    client = Browser()
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/account/login/?next=/admin/"
    assert client.sign_in("root", next="/admin/").url == "/admin/"
    assert client.get("/admin/").status_code == 200
    client.post("/admin/logout/")
    assert client.claim.device is None
    assert client.get("/admin/").status_code == 302


def test_staff_without_a_second_factor_are_led_to_one(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = True
    root = get_user_model().objects.create_superuser("root", password=PASSWORD)
    client = Browser()
    client.sign_in("root", next="/admin/")
    chain = client.get("/admin/", follow=True)
    assert chain.redirect_chain[-1][0] == "/account/2fa/"
    assert "Set up a second factor" in chain.text
    plan = {"source": "local", "destination": "cloud"}
    assert client.post("/api/migration", plan, content_type="application/json").status_code == 401
    assert client.get("/metrics").status_code == 403
    app = with_app(root)
    client.post("/account/logout/")
    answer = client.sign_in("root", next="/admin/")
    assert answer.url.startswith("/account/2fa/authenticate/")
    assert client.get("/admin/").status_code == 302
    # In between it looks whether the browser has conversations of its own.
    assert client.post(answer.url, {"code": app()}, follow=True).redirect_chain[-1][0] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.post("/api/migration", plan, content_type="application/json").status_code != 401
    assert client.get("/metrics").status_code == 200


def test_codes_of_a_second_factor_cannot_be_guessed(settings: Any) -> None:
    root = get_user_model().objects.create_superuser("root", password=PASSWORD)
    app = with_app(root)
    client = Browser()
    client.sign_in("root")
    for _ in range(12):
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert "Too many" in client.post("/account/2fa/authenticate/", {"code": app()}).text
    assert client.get("/admin/").status_code == 302


def test_the_page_of_second_factors_leads_to_the_recovery_codes() -> None:
    client = browser()
    client.sign_up()
    assert "/account/2fa/recovery-codes/" not in client.get("/account/2fa/").text
    user = get_user_model().objects.get(email=ANNA)
    totp.TOTP.activate(user, totp.generate_totp_secret())
    RecoveryCodes.activate(user)
    page = client.get("/account/2fa/").text
    assert "10 unused codes left" in page
    assert 'href="/account/2fa/recovery-codes/"' in page
    assert "Remove the app" in page


def test_a_learner_is_not_let_into_the_admin() -> None:
    client = browser()
    client.sign_up()
    assert client.get("/admin/", follow=True).status_code == 403


def test_the_sign_in_leads_to_no_other_site() -> None:
    browser().sign_up()
    assert Browser().sign_in(next="https://evil.example/").url == "/"
    root: Any = staff_with()
    assert root.get("/admin/login/?next=https://evil.example/").url == "/admin/"


def test_security_keys_belong_to_their_user() -> None:
    """Nobody removes the second factor of another account."""
    anna, ben = browser(), browser()
    anna.sign_up()
    ben.sign_up("ben@example.org")
    data = {
        "name": "Anna's phone",
        "credential": {"clientExtensionResults": {"credProps": {"rk": True}}},
    }
    key = Authenticator.objects.create(
        user=get_user_model().objects.get(email=ANNA), type=Authenticator.Type.WEBAUTHN, data=data
    )
    own = anna.get("/account/2fa/webauthn/").text
    assert "Anna&#x27;s phone" in own
    assert ">passkey<" in own
    assert "You have none" in ben.get("/account/2fa/webauthn/").text
    sign_in_again = {"password": PASSWORD, "next": "/account/"}
    ben.post("/account/reauthenticate/", sign_in_again)
    assert ben.post(f"/account/2fa/webauthn/keys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_two_sign_ins_of_a_new_user_at_once_make_one_account() -> None:
    """The second finds that the learner, and then the user, has an account already."""
    user = get_user_model().objects.create_user("late", email="late@example.org", password=PASSWORD)
    taken = Account.objects.create(user=get_user_model().objects.create_user("first"), learner=uuid.uuid4())
    client = Browser()
    client.cookies[cookie.NAME] = cookie.seal(taken.learner)
    caches["memory"].set(identity._key(cookie.CookieClaim(taken.learner)), "", 60)
    assert client.sign_in("late").status_code == 302
    assert Account.objects.get(user=user).learner != taken.learner


@pytest.fixture
def _dead_provider(settings: Any) -> None:
    """Configure an OpenID provider that cannot be reached."""
    app: dict[str, Any] = {"provider_id": "oidc", "name": "School", "client_id": "x", "secret": "y"}
    app |= {"settings": {"server_url": "http://127.0.0.1:9"}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}


@pytest.mark.usefixtures("_dead_provider")
def test_a_provider_that_cannot_be_reached_is_a_page() -> None:
    answer = Browser().post("/account/oidc/oidc/login/")
    assert answer.status_code == 503
    assert "The sign-in failed" in answer.text


@pytest.mark.usefixtures("_dead_provider")
@pytest.mark.parametrize("query", ["", "code=x&state=y", "error=denied", "state=%00"])
def test_a_forged_answer_of_a_provider_signs_nobody_in(query: str) -> None:
    client = Browser()
    assert client.get(f"/account/oidc/oidc/login/callback/?{query}").status_code == 401
    assert client.get("/account/").status_code == 302
