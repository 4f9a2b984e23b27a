"""The documents name every setting, route, command and target that there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
READERS = {"text", "price", "price_range", "flag", "number", "one_of", "origin", "existing_path", "configured"} | {
    "get"
}  # of os.environ
API = ("/api/", "/v1/", "/healthz", "/readyz")


def read(*names: str) -> str:
    return "\n".join((ROOT / name).read_text() for name in names)


def settings_read() -> set[str]:
    tree = ast.parse(read("talking_agent/settings.py"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in READERS]
    first = [call.args[0] for call in calls if call.args]
    return {each.value for each in first if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else str(getattr(call.func, "attr", ""))


def routes(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Every address, a variable part of it as `*`; of the admin only where it begins."""
    for pattern in patterns:
        route = before + re.sub(r"<[^>]+>", "*", str(pattern.pattern))
        if isinstance(pattern, URLResolver) and pattern.namespace != "admin":
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern | URLResolver):
            yield route


def sockets() -> Iterator[str]:
    from talking_agent.asgi import application

    yield from routes(application.application_mapping["websocket"].routes)


def addresses_in(document: str) -> set[str]:
    """Every address that a document writes as code, a part in capitals (ID, KEY) as `*`."""
    prose = re.sub(r"^```.*?^```", "", document, flags=re.DOTALL | re.MULTILINE)
    code = " ".join(re.findall(r"`([^`]+)`", prose))
    return {re.sub(r"(?<=/)[A-Z]+(?=/|$)", "*", address) for address in re.findall(r"/[\w/.-]*", code)}


def commands() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("[a-z]*/management/commands/[a-z]*.py"))


def targets() -> list[str]:
    return re.findall(r"^([a-z]+):(?!=)", read("Makefile"), re.MULTILINE)


ALL_ROUTES = sorted({*routes(get_resolver().url_patterns), *sockets()})
CALLS = [route for route in ALL_ROUTES if route.startswith(API)]
PAGES = [route for route in ALL_ROUTES if not route.startswith(API)]


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_a_setting_is_in_the_example(name: str) -> None:
    assert re.search(rf"^#?{name}=", read(".env.example"), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_a_setting_is_in_the_operators_guide(name: str) -> None:
    assert f"`{name}`" in read("docs/operations.md")


def test_the_example_names_no_setting_that_nothing_reads() -> None:
    assert set(re.findall(r"^#?([A-Z_]+)=", read(".env.example"), re.MULTILINE)) <= settings_read()


@pytest.mark.parametrize("route", CALLS)
def test_a_call_is_in_the_api(route: str) -> None:
    assert route in addresses_in(read("docs/api.md"))


@pytest.mark.parametrize("route", [page for page in PAGES if page != "/"])
def test_a_page_is_in_the_documents(route: str) -> None:
    documents = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]
    assert route.partition("*")[0].rstrip("/") in addresses_in(read("README.md", *documents))


def test_the_first_page_is_in_the_readme() -> None:
    assert "http://localhost:8000" in read("README.md")


@pytest.mark.parametrize("name", commands())
def test_a_command_is_in_the_documents(name: str) -> None:
    assert f"manage.py {name}" in read("README.md", "docs/operations.md")


@pytest.mark.parametrize("name", targets())
def test_a_target_is_in_the_documents(name: str) -> None:
    assert re.search(rf"\bmake {name}\b", read("README.md", "docs/operations.md"))


def test_what_is_looked_for_is_there() -> None:
    """The other tests would pass over nothing."""
    assert {"DATA_DIR", "PORT", "DEBUG", "APP_URL", "TUTOR_ENGINE", "ENV_FILES"} <= settings_read()
    assert {"/api/conversations/*/restore", "/api/audio/file/*", "/v1/realtime", "/healthz"} <= set(CALLS)
    assert {"/history", "/admin/"} <= set(PAGES)
    assert {"migrate", "serve"} <= set(commands())
    assert {"run", "test", "check"} <= set(targets())
