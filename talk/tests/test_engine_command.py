import io
from pathlib import Path

import huggingface_hub
import pytest
from django.core.management import CommandError, call_command
from huggingface_hub.errors import LocalEntryNotFoundError

from engines.local import whisper_models


def ears(*options: str) -> str:
    out = io.StringIO()
    call_command("engine", "ears", *options, stdout=out)
    return out.getvalue()


def test_the_models_of_this_machine_are_listed():
    listed = ears()
    assert "tiny.en" in listed
    assert "transcribes every turn" in listed
    assert "transcribes turns in doubt" in listed


def test_a_missing_second_model_is_named(settings):
    settings.WHISPER_SECOND_MODEL = whisper_models.OFF
    listed = ears()
    assert "not used" in listed
    assert "There is no second opinion" in listed


def test_a_fetched_model_is_found_and_its_setting_is_told(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings.DATA_DIR = tmp_path

    def download(repository: str, *, local_dir: Path, **_: object) -> None:
        local_dir.mkdir(parents=True)
        (local_dir / "model.bin").write_bytes(bytes(2_000_000))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    listed = ears("--fetch", "small")
    assert f"WHISPER_SECOND_MODEL={tmp_path / 'models' / 'small'}" in listed
    assert "small          2 MB  not used" in listed


def test_without_a_network_fetching_says_so(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings.DATA_DIR = tmp_path

    def fail(*_: object, **__: object) -> None:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(CommandError, match=r"Is there a network\?"):
        ears("--fetch", "small")


def test_unknown_models_are_refused():
    with pytest.raises(CommandError, match=r"There is no model 'x'\. The names are"):
        ears("--fetch", "x")
    with pytest.raises(CommandError, match="There is no model 'x' here"):
        ears("--measure", "x")


def test_a_folder_without_a_model_is_an_error_with_its_setting(settings, tmp_path: Path):
    settings.WHISPER_SECOND_MODEL = str(tmp_path)
    with pytest.raises(CommandError, match="WHISPER_SECOND_MODEL"):
        ears("--measure", tmp_path.name)
