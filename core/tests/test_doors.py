import pytest

from core.doors import SMALL, door_at
from tests.clients import LearnerClient

LARGE = 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("method", "path", "most", "heavy"),
    [
        ("POST", "/api/conversations", LARGE, True),
        ("DELETE", "/api/conversations", SMALL, False),
        ("PATCH", "/api/conversations/c", SMALL, False),
        ("POST", "/api/conversations/c/restore", SMALL, False),
        ("POST", "/api/conversations/c/messages", LARGE, True),
        ("POST", "/api/import", LARGE, True),
        ("POST", "/api/conversations/c/turns", 25 * 1024 * 1024 + 64 * 1024, False),
        ("POST", "/api/speech-to-text", 25 * 1024 * 1024 + 64 * 1024, False),
        ("POST", "/api/chat", SMALL, False),
        ("POST", "/api/migration", SMALL, False),
        ("POST", "/account/login/", SMALL, False),
        ("POST", "/csp-reports", 64 * 1024, False),
        ("POST", "/nothing", SMALL, False),
        ("BREW", "/api/conversations", SMALL, False),
    ],
)
def test_a_method_takes_as_large_a_body_as_it_declares(method: str, path: str, most: int, heavy: bool) -> None:
    found = door_at(path, method)
    assert (found.most, found.heavy) == (most, heavy)


@pytest.mark.django_db(databases=["default", "local"])
@pytest.mark.parametrize("path", ["migration", "migration/runs/x", "audio/file/x"])
def test_another_method_is_405_before_permissions_are_checked(owner: LearnerClient, path: str) -> None:
    assert owner.put(f"/api/{path}").status_code == 405
