import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from talking_agent import readiness

pytestmark = pytest.mark.django_db(databases=["default", "local"])


def test_each_part_is_reported(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    names = {"pages", "accounts", "local storage", "data directory", "recordings", "temporary files"}
    assert response.json()["parts"] == dict.fromkeys(names, "ok")


@pytest.mark.parametrize("host", ["10.0.3.7:8000", "talk.internal", "", "no host at all", "[::1", "a_b"])
@pytest.mark.parametrize("path", ["/readyz"])
def test_machines_may_ask_under_any_host(client: Client, path: str, host: str) -> None:
    assert client.get(path, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/history", "/api/conversations", "/admin/login/", "/metrics"])
def test_pages_need_an_allowed_host(client: Client, path: str) -> None:
    assert client.get(path, headers={"host": "10.0.3.7:8000"}).status_code == 400


def test_a_page_that_cannot_be_shown_is_named(client: Client, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "talk.html").write_text("{% load static %}{% url 'nowhere' %}{% nonsense %}")
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}]
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["pages"].startswith("cannot be shown: ")


@pytest.fixture
def collected(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Collect two of the sources into a folder of static files, as the server does."""
    sources = tmp_path / "sources"
    for name in ("js/one.js", "css/two.css"):
        (sources / name).parent.mkdir(parents=True)
        (sources / name).write_text("/* a source */")
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [sources], tmp_path / "static"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    staticfiles = {"BACKEND": "talking_agent.staticfiles.ModuleManifestStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": staticfiles}
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]
    call_command("collectstatic", interactive=False, verbosity=0)
    yield tmp_path / "static"
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


def test_static_files_are_current_until_a_source_changes(collected: Path) -> None:
    storage: Any = staticfiles_storage
    assert storage.is_current()
    (source := collected.parent / "sources" / "js" / "one.js").write_text("/* another one */")
    assert not storage.is_current()
    source.write_text("/* a source */")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert storage.is_current()


@pytest.mark.parametrize("gone", ["staticfiles.json", "sources.sha256", "js/*"])
def test_static_files_that_are_gone_are_not_current(collected: Path, gone: str) -> None:
    storage: Any = staticfiles_storage
    for path in collected.glob(gone):
        path.unlink()
    assert not storage.is_current()


@pytest.mark.parametrize(
    ("gone", "words"),
    [("staticfiles.json", "static files are missing: run make setup"), ("css/*", "static files are missing")],
)
def test_static_files_that_are_gone_are_named(collected: Path, gone: str, words: str) -> None:
    assert readiness.static_files() == "ok"
    for path in collected.glob(gone):
        path.unlink()
    assert readiness.static_files().startswith(words)


def test_static_files_of_another_version_are_named(collected: Path) -> None:
    manifest = collected / "staticfiles.json"
    manifest.write_text(manifest.read_text().replace('"css/two.css": ', '"css/three.css": '))
    assert readiness.static_files() == "the static files are those of another version: restart the server"


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
    assert response.json()["parts"]["data directory"].startswith(f"{settings.DATA_DIR} cannot be written: ")


def test_a_folder_of_recordings_that_cannot_be_written_is_named(client: Client, recordings_folder: Path) -> None:
    recordings_folder.write_text("a file in the place of the folder")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["recordings"].startswith(f"{recordings_folder} cannot be written: ")


def test_a_folder_for_large_uploads_that_cannot_be_written_is_named(client: Client, settings: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert "cannot be written" in response.json()["parts"]["temporary files"]


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


@pytest.mark.django_db(databases=["default", "local"], transaction=True)
def test_concurrent_callers_share_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    begun, go_on = threading.Event(), threading.Event()

    def look(request: Any) -> str:
        looks.append(None)
        begun.set()
        assert go_on.wait(60)
        return "ok"

    monkeypatch.setattr(readiness, "pages", look)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(Client().get, "/readyz")
        assert begun.wait(60)
        others = [threads.submit(Client().get, "/readyz") for _ in range(10)]
        time.sleep(1)
        go_on.set()
        assert {each.result().status_code for each in (first, *others)} == {200}
    # All ten share one look if they ask within the second. On a slow machine, later ones look again.
    assert len(looks) < 10


def test_readyz_sets_no_learner_cookie(client: Client) -> None:
    assert "learner" not in client.get("/readyz").cookies
