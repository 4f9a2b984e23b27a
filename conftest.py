from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from tests.clients import LearnerClient

pytest_plugins = ["tests.fixtures", "tests.clouds"]


@pytest.fixture(autouse=True)
def recordings_folder(settings: Any, tmp_path: Path) -> Path:
    """Every test has a folder of its own for recordings."""
    folder = tmp_path / "recordings"
    local = {"BACKEND": "audio.storages.LocalAudioStorage", "OPTIONS": {"location": folder}}
    settings.STORAGES = settings.STORAGES | {"audio_local": local}
    return folder


@pytest.fixture
def owner() -> LearnerClient:
    return LearnerClient()


@pytest.fixture
def outsider() -> LearnerClient:
    """Another learner, who must see nothing of the owner's."""
    return LearnerClient()


@pytest.fixture
def staff(db: None) -> LearnerClient:
    client = LearnerClient()
    client.force_login(get_user_model().objects.create(username="operator", is_staff=True))
    return client
