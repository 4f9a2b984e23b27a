from collections.abc import Iterator
from typing import Any

import pytest

from simulators.openai import Provider


@pytest.fixture(autouse=True)
def _closed(connections_closed: None) -> None:
    """Close what each test opened."""


@pytest.fixture
def own_provider(settings: Any) -> Iterator[Provider]:
    """Configure a separate provider, which a test may kill."""
    with Provider() as provider:
        settings.OPENAI = {
            stage: {"url": provider.url, "key": "sk-simulated", "model": chosen["model"]}
            for stage, chosen in settings.OPENAI.items()
        }
        yield provider
