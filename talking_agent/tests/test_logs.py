import logging

import psycopg
import pytest
from psycopg.errors import NotNullViolation
from pymongo.errors import BulkWriteError, PyMongoError

from talking_agent.logs import Discreet
from tests.servers import MongoServer, PostgresServer

SAID = "I has went there"


def told(error: BaseException) -> str:
    """What the log has of it."""
    caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("test", logging.ERROR, "", 0, "A turn could not be saved.", None, caught)
    return Discreet("%(message)s").format(record)


def test_what_a_refused_row_holds_is_not_logged(own_postgres: PostgresServer) -> None:
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


def test_nor_what_a_refused_document_holds(own_mongo: MongoServer) -> None:
    twice = [{"_id": 1, "content": SAID}, {"_id": 1, "content": SAID}]
    with pytest.raises(BulkWriteError, match=SAID) as refused:
        own_mongo.database()["said"].insert_many(twice)
    log = told(refused.value)
    assert SAID not in log
    assert "BulkWriteError: batch op errors occurred." in log


def test_what_an_error_came_of_is_told() -> None:
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


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert told(PyMongoError()).endswith("PyMongoError: PyMongoError.")
