"""The accounts' database knows the staff, but talks must not need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from tests.clients import LearnerClient
from tests.clouds import recording_of_another_learner

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)


@contextmanager
def accounts_down(tmp_path: Path) -> Iterator[None]:
    connection = connections["default"]
    connection.close()
    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], tmp_path / "nowhere" / "db.sqlite3"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


@pytest.fixture
def key() -> str:
    """Return the key of another learner's recording."""
    return recording_of_another_learner()


def status(client: LearnerClient, key: str) -> int:
    return client.get("/api/audio", {"key": key}).status_code


def test_staff_hear_any_recording(listener: LearnerClient, key: str) -> None:
    assert status(listener, key) == 200


def test_a_learner_hears_no_other_learners(outsider: LearnerClient, key: str) -> None:
    assert status(outsider, key) == 404


def test_without_the_accounts_database_no_user_is_staff(listener: LearnerClient, key: str, tmp_path: Path) -> None:
    with accounts_down(tmp_path):
        assert status(listener, key) == 404


def test_an_operator_talks_without_the_accounts_database_like_any_learner(staff: LearnerClient, tmp_path: Path) -> None:
    with accounts_down(tmp_path):
        assert staff.send("/api/conversations", {"id": "conv-1"}).status_code == 201
        assert len(staff.get("/api/conversations").json()["conversations"]) == 1


def test_a_learner_talks_without_the_accounts_database(owner: LearnerClient, tmp_path: Path) -> None:
    with accounts_down(tmp_path):
        assert owner.send("/api/conversations", {"id": "conv-1"}).status_code == 201


def test_an_operator_is_staff_again_when_the_database_is_back(
    listener: LearnerClient, key: str, tmp_path: Path
) -> None:
    with accounts_down(tmp_path):
        status(listener, key)
    assert status(listener, key) == 200
