"""Guard the imports of the embedded engine's optional packages.

Import such a package inside `optional_packages()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tutor.domain import EngineError


@contextmanager
def optional_packages() -> Iterator[None]:
    """Turn a missing package into an EngineError that says what to install."""
    try:
        yield
    except ImportError as error:
        raise EngineError(
            f"The embedded engine is not installed ({error.name} is missing): run pip install -r requirements-local.txt"
        ) from error
