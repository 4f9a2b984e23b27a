import errno
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import DisallowedHost
from django.db import OperationalError, connections
from psycopg.errors import NotNullViolation
from pymongo.errors import BulkWriteError, PyMongoError

from talking_agent.logs import Discreet, WithoutTraceback
from tests.servers import MongoServer, PostgresServer

SAID = "I has went there"


def told(error: BaseException) -> str:
    """Return the log's text for this error."""
    caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("test", logging.ERROR, "", 0, "A turn could not be saved.", None, caught)
    return Discreet("%(message)s").format(record)


def test_the_values_of_a_refused_row_are_not_logged(own_postgres: PostgresServer) -> None:
    with psycopg.connect(own_postgres.env["DATABASE_URL"].partition("?")[0]) as connection:
        connection.execute("CREATE TEMPORARY TABLE said (content text, position int NOT NULL)")
        with pytest.raises(NotNullViolation, match=SAID) as refused:
            connection.execute("INSERT INTO said VALUES (%s, NULL)", [SAID])
        connection.rollback()
    log = told(refused.value)
    assert SAID not in log
    assert log.startswith("A turn could not be saved.\n")
    assert 'NotNullViolation: null value in column "position"' in log
    assert "test_logs.py" in log


def test_the_values_of_a_refused_document_are_not_logged(own_mongo: MongoServer) -> None:
    twice = [{"_id": 1, "content": SAID}, {"_id": 1, "content": SAID}]
    with pytest.raises(BulkWriteError, match=SAID) as refused:
        own_mongo.database()["said"].insert_many(twice)
    log = told(refused.value)
    assert SAID not in log
    assert "BulkWriteError: batch op errors occurred." in log


def test_the_cause_of_an_error_is_logged() -> None:
    with pytest.raises(KeyError) as failure:
        _look_up()
    log = told(failure.value)
    assert "KeyError: 'ten'." in log
    assert "This came of:" in log
    assert "ValueError: invalid literal for int()" in log


def _look_up() -> None:
    try:
        int("ten")
    except ValueError as error:
        raise KeyError("ten") from error


def test_an_error_without_a_message_is_logged_by_its_class() -> None:
    assert told(PyMongoError()).endswith("PyMongoError: PyMongoError.")


def test_a_full_disk_is_logged_in_one_line(tmp_path: Path) -> None:
    log = told(OSError(errno.ENOSPC, "No space left on device"))
    assert log == "A turn could not be saved.\nOSError: [Errno 28] No space left on device."


@pytest.mark.django_db(databases=["local"], transaction=True)
def test_a_locked_database_is_logged_in_one_line() -> None:
    connection = connections["local"]
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(OperationalError) as locked:
                cursor.execute("DELETE FROM conversations_message")
    connection.close()
    assert told(locked.value).splitlines()[1:] == ["OperationalError: database is locked."]


def test_any_other_error_of_a_file_is_logged_with_a_traceback() -> None:
    with pytest.raises(FileNotFoundError) as failure:
        Path("/nowhere/file").read_text()
    assert "test_logs.py" in told(failure.value)


def test_a_request_with_a_wrong_host_is_logged_in_one_line() -> None:
    try:
        raise DisallowedHost("Invalid HTTP_HOST header: 'evil.example'.")
    except DisallowedHost as error:
        caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("django.security.DisallowedHost", logging.ERROR, "", 0, str(caught[1]), None, caught)
    assert WithoutTraceback().filter(record)
    assert Discreet("%(message)s").format(record) == "Invalid HTTP_HOST header: 'evil.example'."
