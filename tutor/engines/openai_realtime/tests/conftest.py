from collections.abc import Iterator
from typing import Any

import pytest

from bench.provider import Provider


@pytest.fixture
def own_provider(settings: Any) -> Iterator[Provider]:
    """A provider to be killed, which the project's settings name."""
    with Provider() as provider:
        settings.OPENAI = {
            stage: {"url": provider.url, "key": "sk-simulated", "model": chosen["model"]}
            for stage, chosen in settings.OPENAI.items()
        }
        yield provider
