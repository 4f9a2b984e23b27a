import pytest


@pytest.fixture(autouse=True)
def _closed(connections_closed: None) -> None:
    """Close what each test opened."""
