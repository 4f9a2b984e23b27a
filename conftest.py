import functools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import caches
from django.test import Client

from core import site_limits
from learners import erased, throttling, tokens
from tests.clients import LearnerClient
from usage import budget, payer

pytest_plugins = ["tests.fixtures", "tests.clouds"]

# A test is `real` if it uses one of these fixtures, if its module imports from one of these, or if it is in one of these folders.
FIXTURES = {
    "_mongo_to_break",
    "_provider",
    "_s3_to_break",
    "mongo",
    "own_postgres",
    "own_server",
    "postgres",
    "s3",
    "server",
}
MODULES = ("subprocess", "moto", "simulators", "tests.servers", "tests.sound", "talking_agent.tests.processes")
FOLDERS = tuple(Path(__file__).parent / "tests" / name for name in ("browser", "contract", "faults", "firefox"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are `real`, and let the files with the smallest share of them run first."""
    shares: dict[Path, list[bool]] = {}
    for item in items:
        if (
            FIXTURES & set(getattr(item, "fixturenames", ()))
            or _imports_from(getattr(item, "module", None))
            or any(map(item.path.is_relative_to, FOLDERS))
        ):
            item.add_marker(pytest.mark.real)
            # Servers, browsers and sound keep real time, which a busy machine does not. A test has to fail twice.
            item.add_marker(pytest.mark.flaky(reruns=1))
        shares.setdefault(item.path, []).append(item.get_closest_marker("real") is not None)
    items.sort(key=lambda item: sum(shares[item.path]) / len(shares[item.path]))


@functools.cache
def _imports_from(module: ModuleType | None) -> bool:
    origins = {
        value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
        for value in vars(module or object).values()
    }
    return any(origin == name or origin.startswith(f"{name}.") for origin in origins for name in MODULES)


@pytest.fixture(autouse=True)
def recordings_folder(settings: Any, tmp_path: Path) -> Path:
    """Give every test its own folder for recordings."""
    folder = tmp_path / "recordings"
    local = {"BACKEND": "audio.storages.LocalAudioStorage", "OPTIONS": {"location": folder}}
    settings.STORAGES = settings.STORAGES | {"audio_local": local}
    return folder


@pytest.fixture(autouse=True)
def _no_limit_is_used_up() -> None:
    """Reset all counters before every test, because all tests come from one address."""
    for cache in caches.all(initialized_only=True):
        cache.clear()
    throttling.forget()
    budget.forget()
    tokens.forget()
    erased.forget()
    payer.work_for(None)
    site_limits.override({})


@pytest.fixture
def owner() -> LearnerClient:
    return LearnerClient()


@pytest.fixture
def outsider() -> LearnerClient:
    """Return another learner, who must not see the owner's data."""
    return LearnerClient()


@pytest.fixture
def staff(db: None) -> LearnerClient:
    client = LearnerClient()
    client.force_login(get_user_model().objects.create(username="operator", is_staff=True))
    return client


@pytest.fixture
def operator(admin_client: Client) -> Client:
    """Return a superuser in a separate browser."""
    return admin_client


@pytest.fixture
def listener(staff: LearnerClient) -> LearnerClient:
    """Return staff who may view recordings."""
    operator = get_user_model().objects.get(username="operator")
    operator.user_permissions.add(Permission.objects.get(codename="view_recording"))
    return staff
