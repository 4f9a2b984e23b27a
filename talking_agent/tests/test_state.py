from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

pytestmark = pytest.mark.django_db(databases=["default", "local"])


def test_a_process_that_answers_is_alive(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_what_is_there_is_named_part_by_part(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert response.json()["parts"] == {"accounts": "ok", "local storage": "ok", "data directory": "ok"}


@pytest.mark.parametrize(("alias", "app"), [("default", "auth"), ("local", "conversations")])
def test_a_migration_that_waits_is_named(client: Client, alias: str, app: str) -> None:
    MigrationRecorder.Migration.objects.using(alias).filter(app=app).delete()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert "manage.py migrate" in response.json()["parts"].pop({"default": "accounts", "local": "local storage"}[alias])
    assert set(response.json()["parts"].values()) >= {"ok"}


def test_a_folder_that_cannot_be_written_is_named(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "file"
    settings.DATA_DIR.write_text("a file in the place of the folder")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["data directory"].startswith("cannot be written: ")


@pytest.mark.django_db(databases=["default", "local"], transaction=True)
def test_a_database_that_is_gone_is_named(client: Client, tmp_path: Path) -> None:
    connection = connections["local"]
    connection.close()
    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], tmp_path / "nowhere" / "db.sqlite3"
    try:
        response = client.get("/readyz")
    finally:
        connection.settings_dict["NAME"] = name
    assert response.status_code == 503
    assert response.json()["parts"]["local storage"] == "cannot be reached"


def test_it_asks_for_no_learner(client: Client) -> None:
    assert "learner" not in client.get("/readyz").cookies
