from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

TRIGGER = "CREATE TRIGGER closed BEFORE INSERT ON staff_accessrecord BEGIN SELECT RAISE(ABORT, 'read-only'); END"


@contextmanager
def no_new_rows() -> Iterator[None]:
    """Let the database refuse new rows of the record of access, as a read-only one does."""
    # The failure rolls the trigger back, too.
    with transaction.atomic("default"), connections["default"].cursor() as cursor:
        cursor.execute(TRIGGER)
        yield
