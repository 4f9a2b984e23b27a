"""Remember the learners who have erased everything. Their cookies and tokens are no longer valid.

The set is in memory, because every request asks it. `own_data.erasing` fills it from the database.
"""

import uuid
from collections.abc import Iterable

_learners: set[uuid.UUID] = set()


def add(learners: Iterable[uuid.UUID]) -> None:
    _learners.update(learners)


def is_erased(learner: uuid.UUID) -> bool:
    return learner in _learners


def forget() -> None:
    """Forget all of them, for tests."""
    _learners.clear()
