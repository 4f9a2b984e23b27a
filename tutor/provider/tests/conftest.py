from collections.abc import AsyncIterator

import pytest

from tutor.provider import clients, reading


@pytest.fixture(autouse=True)
async def _connections_are_closed() -> AsyncIterator[None]:
    yield
    await reading.close()
    await clients.close()
