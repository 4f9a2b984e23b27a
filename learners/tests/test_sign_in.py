"""Guessing an operator's password is slowed down, and locks no account. Weak passwords are refused."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from learners import sign_in
from learners.sign_in import Attempt

pytestmark = pytest.mark.django_db(databases=["default", "local"])
PASSWORD = "a long enough passphrase"
WRONG = "typed-by-mistake"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Add these seconds to the real time."""
    passed = [0.0]
    monkeypatch.setattr(sign_in, "time", type("Clock", (), {"time": staticmethod(lambda: time.time() + passed[0])}))
    return passed


def signs_in(
    password: str, *, name: str = "root", client: Client | None = None, address: str = HERE, forwarded: str = ""
) -> Any:
    sent = {"login": name, "password": password, "next": "/admin/"}
    client = client or Client()
    return client.post("/account/login/", sent, REMOTE_ADDR=address, headers={"X-Forwarded-For": forwarded})


def guess(times: int, client: Client | None = None) -> list[int]:
    return [signs_in(f"{WRONG}-{number}", client=client).status_code for number in range(times)]


def test_after_a_few_failures_the_right_password_has_to_wait(operator: Any) -> None:
    tried = guess(25)
    assert tried[:5] == [200] * 5
    assert set(tried[6:]) == {429}
    refused = signs_in(PASSWORD)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.text
    assert 0 < int(refused["Retry-After"]) <= sign_in.LONGEST


def test_an_attacker_does_not_lock_others_out(operator: Any, clock: list[float]) -> None:
    guess(25)
    assert signs_in(PASSWORD, address=ELSEWHERE).status_code == 302
    clock[0] += sign_in.LONGEST
    assert signs_in(PASSWORD).status_code == 302
    assert signs_in(WRONG).status_code == 200


def test_the_wait_grows_up_to_a_limit(operator: Any, clock: list[float]) -> None:
    waits = []
    guess(6)
    for _ in range(12):
        waits.append(int(signs_in(WRONG)["Retry-After"]))
        clock[0] += waits[-1]
        assert signs_in(WRONG).status_code == 200
    assert waits == sorted(waits)
    assert waits[0] < 60
    assert waits[-1] in (sign_in.LONGEST, sign_in.LONGEST + 1)


def test_a_browser_that_has_signed_in_before_is_not_kept_waiting_by_others(operator: Any) -> None:
    own = Client()
    assert signs_in(PASSWORD, client=own).status_code == 302
    own.post("/account/logout/")
    guess(25)
    assert signs_in(PASSWORD, client=own).status_code == 302
    own.post("/account/logout/")
    assert 429 in guess(10, own)


def test_many_accounts_from_one_address_are_slowed_down_too(operator: Any) -> None:
    """A class of 30, of whom each mistypes a password three times, gets in."""
    tried = [signs_in(WRONG, name=f"somebody-{number // 3}").status_code for number in range(110)]
    assert tried[:90] == [200] * 90
    assert tried[-1] == 429


def test_signing_in_does_not_clear_the_failures_of_the_address(operator: Any) -> None:
    get_user_model().objects.create_user("mallory", password=PASSWORD, is_staff=True)
    statuses, mallory = [], Client()
    for number in range(110):
        statuses.append(signs_in(WRONG, name=f"somebody-{number}").status_code)
        if statuses[-1] != 429:
            signs_in(PASSWORD, name="mallory", client=mallory)
            mallory.post("/account/logout/")
    assert 429 in statuses


def test_guesses_during_a_sign_in_stay_counted() -> None:
    """The owner of one account could otherwise clear the failures that come while the password is checked."""
    own = Attempt("mallory", HERE)
    own.begin()
    for number in range(sign_in.FREE_FOR_ADDRESS - 1):
        assert Attempt(f"name-{number}", HERE).begin() == 0
    own.succeed()
    assert Attempt("another", HERE).begin() > 0
    assert Attempt("another", ELSEWHERE).begin() == 0


def test_a_forwarded_address_is_ignored_without_a_proxy(operator: Any) -> None:
    tried = [signs_in(WRONG, forwarded=f"10.0.0.{number}").status_code for number in range(10)]
    assert tried[-1] == 429


def test_behind_a_proxy_the_address_that_it_saw_counts(operator: Any, settings: Any) -> None:
    settings.TRUST_PROXY = True
    tried = [
        signs_in(WRONG, address="127.0.0.1", forwarded=f"10.0.0.{number}, {HERE}").status_code for number in range(10)
    ]
    assert tried[-1] == 429
    other = signs_in(PASSWORD, address="127.0.0.1", forwarded=ELSEWHERE)
    assert other.status_code == 302


def test_each_failure_is_in_the_log_without_what_was_typed(operator: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        guess(8)
        signs_in(WRONG, name="no\nbody")
    lines = [record.getMessage() for record in caplog.records if "sign-in" in record.getMessage()]
    assert len(lines) >= 9
    assert all(HERE in line for line in lines)
    assert all("'root'" in line for line in lines[:8])
    assert "'no\\nbody'" in lines[-1]
    assert WRONG not in caplog.text
    assert not any("\n" in line for line in lines)


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
def test_parallel_attempts_bring_no_extra_tries(operator: Any) -> None:
    def one(number: int) -> int:
        try:
            return int(signs_in(f"{WRONG}-{number}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as threads:
        tried = list(threads.map(one, range(25)))
    assert tried.count(200) <= 6


def test_the_password_1_is_refused_in_the_admin(operator: Any) -> None:
    client = Client()
    client.force_login(operator)
    page = client.post("/admin/auth/user/add/", {"username": "anna", "password1": "1", "password2": "1"})
    assert "This password is too short" in page.text
    changed = client.post(f"/admin/auth/user/{operator.pk}/password/", {"password1": "1", "password2": "1"})
    assert changed.status_code == 200
    assert not get_user_model().objects.filter(username="anna").exists()


@pytest.mark.parametrize("password", ["1", "12345678901", "password1", "administrator"])
def test_it_is_refused_from_the_environment(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_PASSWORD: "):
        call_command("createsuperuser", interactive=False, username="administrator", email="a@example.org")
    assert not get_user_model().objects.exists()


def test_a_good_password_from_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, username="anna", email="a@example.org", verbosity=0)
    assert get_user_model().objects.get(username="anna").check_password(PASSWORD)
