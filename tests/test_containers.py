"""The files for containers are valid, and the image has everything that the server needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that .dockerignore lets into the image."""
    folder = tmp_path_factory.mktemp("image")
    for line in (ROOT / ".dockerignore").read_text().split():
        source = ROOT / line[1:]
        if line.startswith("!") and source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        elif line.startswith("!"):
            shutil.copy(source, folder)
    return folder


def test_hadolint_accepts_the_dockerfile() -> None:
    run(BIN / "hadolint", "Dockerfile")


def test_the_compose_file_follows_its_schema() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_kubernetes_manifests_follow_their_schemas() -> None:
    run(BIN / "kubernetes-validate", "--strict", *sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml")))


def test_the_image_has_what_the_server_needs(image: Path, tmp_path: Path) -> None:
    """Nothing outside DATA_DIR is written."""
    before = sorted(image.rglob("*"))
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "APP_URL": "https://localhost"}
    for command in (["prepare"], ["check", "--deploy", "--fail-level", "WARNING"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=image, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "static" / "staticfiles.json").exists()
    assert sorted(image.rglob("*")) == before


def test_the_secrets_are_made_once_and_are_valid_settings(image: Path, tmp_path: Path) -> None:
    script = ROOT / "deploy" / "compose" / "make_secrets.sh"
    own = tmp_path / "own"
    own.mkdir()
    (own / "settings.env").write_text("OPERATOR_NAME=A school\n")
    # Only root may give the files away, and the folder with the operator's settings is /own in the container.
    text = script.read_text().replace("/own/", f"{own}/").replace("chown 10001", "true")
    (tmp_path / "make_secrets.sh").write_text(text)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    run("sh", tmp_path / "make_secrets.sh", secrets)
    first = {file.name: file.read_text() for file in secrets.iterdir()}
    assert sorted(first) == ["postgresql", "s3.json", "server.env", "settings.env"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in secrets.iterdir())
    assert first["postgresql"] in first["server.env"]
    (own / "settings.env").write_text("OPERATOR_NAME=Another school\n")
    run("sh", tmp_path / "make_secrets.sh", secrets)
    second = {file.name: file.read_text() for file in secrets.iterdir()}
    assert second == first | {"settings.env": "OPERATOR_NAME=Another school\n"}
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    env |= {"ENV_FILES": f"{secrets}/settings.env {secrets}/server.env"}
    run(sys.executable, "manage.py", "check", env=env)
    shown = "from django.conf import settings as s; print(s.OPERATOR_NAME, s.S3_BUCKET_NAME, s.REDIS_URL)"
    assert run(sys.executable, "manage.py", "shell", "--no-imports", "-c", shown, env=env).split("\n")[-2] == (
        "Another school talking-agent redis://valkey:6379/0"
    )
