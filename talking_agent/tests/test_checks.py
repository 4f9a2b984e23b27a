"""The checks report conflicting settings of the cloud, and are silent about consistent ones."""

from pathlib import Path
from typing import Any

import pytest

from talking_agent.checks import cloud_settings
from talking_agent.tests.processes import manage

KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME"}
OPTIONS = {"bucket_name": "talk", "access_key": "key", "secret_key": "secret", "region_name": "us-east-1"}
BACKEND = "audio.s3.S3AudioStorage"


@pytest.fixture(autouse=True)
def in_order(settings: Any) -> Any:
    """Turn the cloud on, with PostgreSQL and a bucket, and no problem."""
    settings.USE_CLOUD_STORAGE, settings.DATABASE_TYPE = True, ""
    settings.CLOUD_DATABASE, settings.CLOUD_AUDIO = "default", True
    settings.GIVEN = {"USE_CLOUD_STORAGE", "DATABASE_URL", "SECRET_KEY", *KEYS}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": {"BACKEND": BACKEND, "OPTIONS": OPTIONS}}
    return settings


def told() -> list[str]:
    return [message.id or "" for message in cloud_settings(None)]


def words() -> str:
    (message,) = cloud_settings(None)
    return f"{message.msg} {message.hint}"


def test_valid_settings_give_no_message() -> None:
    assert told() == []


def test_a_production_server_passes_the_checks_for_deployment(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", APP_URL="https://talk.example.org")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "System check identified no issues (2 silenced).\n"


# W001: configured, but off


def turn_off(settings: Any, *given: str) -> None:
    settings.USE_CLOUD_STORAGE, settings.CLOUD_DATABASE, settings.CLOUD_AUDIO = False, "", False
    settings.GIVEN = set(given)


@pytest.mark.parametrize("given", [["MONGODB_URI"], ["S3_BUCKET_NAME"], ["MONGODB_URI", "S3_BUCKET_NAME"]])
def test_a_configured_cloud_that_is_off_is_reported(in_order: Any, given: list[str]) -> None:
    turn_off(in_order, *given)
    assert told() == ["cloud.W001"]
    assert words().startswith(" and ".join(given))


@pytest.mark.parametrize("name", ["USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE"])
def test_a_cloud_that_was_turned_off_is_not_reported(in_order: Any, name: str) -> None:
    turn_off(in_order, "MONGODB_URI", name)
    assert told() == []


def test_a_server_without_a_cloud_is_not_reported(in_order: Any) -> None:
    turn_off(in_order)
    assert told() == []


def test_postgresql_for_the_accounts_alone_is_not_reported(in_order: Any) -> None:
    turn_off(in_order, "DATABASE_URL")
    assert told() == []


# E001: two databases


def test_two_databases_without_database_type_are_reported(in_order: Any) -> None:
    in_order.GIVEN |= {"MONGODB_URI"}
    in_order.CLOUD_DATABASE = ""
    assert told() == ["cloud.E001"]
    assert "DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql" in words()


@pytest.mark.parametrize("chosen", ["mongodb", "postgresql"])
def test_two_databases_with_database_type_are_not_reported(in_order: Any, chosen: str) -> None:
    in_order.GIVEN |= {"MONGODB_URI"}
    in_order.DATABASE_TYPE = chosen
    assert told() == []


# E002: the chosen database is not configured


@pytest.mark.parametrize(
    ("chosen", "there", "missing"),
    [("mongodb", "DATABASE_URL", "MONGODB_URI"), ("postgresql", "MONGODB_URI", "DATABASE_URL")],
)
def test_a_database_type_that_is_not_configured_is_reported(
    in_order: Any, chosen: str, there: str, missing: str
) -> None:
    in_order.GIVEN = in_order.GIVEN - {"DATABASE_URL"} | {there}
    in_order.DATABASE_TYPE = chosen
    assert told() == ["cloud.E002"]
    assert f"DATABASE_TYPE={chosen}, but {missing} is not set." in words()


@pytest.mark.parametrize(("chosen", "there"), [("mongodb", "MONGODB_URI"), ("postgresql", "DATABASE_URL")])
def test_a_database_type_that_is_configured_is_not_reported(in_order: Any, chosen: str, there: str) -> None:
    in_order.GIVEN = in_order.GIVEN - {"DATABASE_URL"} | {there}
    in_order.DATABASE_TYPE = chosen
    assert told() == []


# W002: no database


def test_a_missing_database_is_reported(in_order: Any) -> None:
    in_order.GIVEN = in_order.GIVEN - {"DATABASE_URL"}
    in_order.CLOUD_DATABASE = ""
    assert told() == ["cloud.W002"]


# E003: an invalid bucket


def test_invalid_options_of_the_bucket_are_reported_without_a_secret(in_order: Any) -> None:
    options = OPTIONS | {"endpoint_url": "not a url with hunter2"}
    in_order.STORAGES = in_order.STORAGES | {"audio_cloud": {"BACKEND": BACKEND, "OPTIONS": options}}
    assert told() == ["cloud.E003"]
    assert "AWS_S3_ENDPOINT_URL" in words()
    assert "hunter2" not in words()


# W003: an incomplete bucket


def test_a_machines_role_and_the_default_region_are_enough(in_order: Any) -> None:
    in_order.GIVEN = in_order.GIVEN - {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert told() == []


@pytest.mark.parametrize("absent", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_of_a_key_is_reported(in_order: Any, absent: str) -> None:
    in_order.GIVEN = in_order.GIVEN - {absent}
    assert told() == ["cloud.W003"]
    assert f"{absent} is not" in words()


def test_a_missing_bucket_is_reported(in_order: Any) -> None:
    in_order.GIVEN, in_order.CLOUD_AUDIO = in_order.GIVEN - {"S3_BUCKET_NAME"}, False
    assert told() == ["cloud.W003"]
    assert "recordings are kept locally" in words()


# W004: several servers


def test_a_generated_secret_key_is_reported(in_order: Any) -> None:
    in_order.GIVEN = in_order.GIVEN - {"SECRET_KEY"}
    assert told() == ["cloud.W004"]


def test_a_generated_secret_key_is_fine_without_a_shared_database(in_order: Any) -> None:
    turn_off(in_order)
    assert told() == []


# In manage.py


def test_an_error_stops_a_command(tmp_path: Path) -> None:
    env = {"USE_CLOUD_STORAGE": "true", "DATABASE_TYPE": "mongodb", "DATABASE_URL": "postgresql://localhost/talk"}
    done = manage(tmp_path, "check", **env)
    assert done.returncode == 1
    assert "cloud.E002" in done.stderr


def test_a_warning_does_not_stop_a_command(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", USE_CLOUD_STORAGE="true")
    assert done.returncode == 0
    assert "cloud.W002" in done.stderr
