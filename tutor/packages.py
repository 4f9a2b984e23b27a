"""The packages of the embedded engine are optional; whoever needs one imports it inside `optional_packages()`."""

from collections.abc import Iterator
from contextlib import contextmanager

from tutor.engines.base import EngineError


@contextmanager
def optional_packages() -> Iterator[None]:
    """Turn a missing package into an error that says what to do."""
    try:
        yield
    except ImportError as error:
        raise EngineError(
            f"The embedded engine is not installed ({error.name} is missing): run pip install -r requirements-local.txt"
        ) from error
