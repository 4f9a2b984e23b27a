import pytest
from django.db import DatabaseError, OperationalError
from psycopg import errors
from pymongo.errors import OperationFailure

from core.causes import CONNECTION_REFUSED, CREDENTIALS_REFUSED, MISSING, NO_ANSWER, WRITING_REFUSED, cause_of

# Messages of a server that reports in another language.
FOREIGN = "Zugriff verweigert"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (errors.AdminShutdown(FOREIGN), CONNECTION_REFUSED),
        (errors.ConnectionException(FOREIGN), CONNECTION_REFUSED),
        (errors.InvalidPassword(FOREIGN), CREDENTIALS_REFUSED),
        (errors.InvalidAuthorizationSpecification(FOREIGN), CREDENTIALS_REFUSED),
        (errors.InvalidCatalogName(FOREIGN), MISSING),
        (errors.UndefinedTable(FOREIGN), MISSING),
        (errors.QueryCanceled(FOREIGN), NO_ANSWER),
        (errors.ReadOnlySqlTransaction(FOREIGN), WRITING_REFUSED),
        (errors.InsufficientPrivilege(FOREIGN), WRITING_REFUSED),
        (OperationFailure(FOREIGN, 18), CREDENTIALS_REFUSED),
        (OperationFailure(FOREIGN, 10107), WRITING_REFUSED),
        (ConnectionResetError(FOREIGN), CONNECTION_REFUSED),
        (TimeoutError(), NO_ANSWER),
    ],
)
def test_a_class_or_a_code_comes_before_the_message(error: Exception, cause: str) -> None:
    assert cause_of(error, FOREIGN) == cause


def test_an_error_of_django_has_the_code_of_the_driver() -> None:
    error = OperationalError(FOREIGN)
    error.__cause__ = errors.UndefinedTable(FOREIGN)
    assert cause_of(error, FOREIGN) == MISSING


def test_without_a_known_code_the_message_counts() -> None:
    error = DatabaseError()
    error.__cause__ = OperationFailure("", 8000)
    assert cause_of(error, "bad auth : authentication failed.") == CREDENTIALS_REFUSED
