"""Register every table that holds data of learners, so that exports and erasures forget none.

Each app registers its models in `AppConfig.ready`. A test fails for a model with a field `learner` that is not
registered.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model

from core.batches import batches
from core.json_types import Json

# Keys in a query. SQLite limits their number.
AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class DataSubject:
    """Name the learner whose data is to be erased, and the keys of all the learner's conversations."""

    learner: uuid.UUID
    conversations: frozenset[uuid.UUID] = frozenset()

    def batches(self) -> Iterator[Sequence[uuid.UUID]]:
        """Yield the conversations in batches that fit into a query."""
        yield from batches(list(self.conversations), AT_ONCE)


Erase = Callable[[DataSubject, str], object]
Export = Callable[[uuid.UUID], list[Json]]


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """Hold a table with data of learners.

    `erase` removes a subject's data from the table in one database. It may be repeated. `export` returns a learner's
    rows as JSON. It is None for a table that the export has in another form.
    """

    model: type[Model]
    erase: Erase
    export: Export | None = None


_tables: dict[type[Model], PersonalTable] = {}


def register(model: type[Model], *, erase: Erase | None = None, export: Export | None = None) -> None:
    """Register a table. By default, `erase` deletes the rows whose column `learner` names the subject."""
    _tables[model] = PersonalTable(model, erase or delete_by_learner(model), export)


def tables() -> list[PersonalTable]:
    """Return all registered tables in the order of their registration."""
    return list(_tables.values())


def delete_by_learner(model: type[Model]) -> Erase:
    def erase(subject: DataSubject, using: str) -> None:
        model._default_manager.using(using).filter(learner=subject.learner)._raw_delete(using)

    return erase


def columns(model: type[Model], *names: str, owner: str = "learner") -> Export:
    """Return a function that exports these columns of a learner's rows in the database `default`.

    `owner` is the lookup that leads from a row to its learner.
    """

    def export(learner: uuid.UUID) -> list[Json]:
        rows = model._default_manager.using("default").filter(**{owner: learner}).values(*names)
        return [
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
            for row in rows
        ]

    return export
