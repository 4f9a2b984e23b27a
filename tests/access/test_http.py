"""Every call of the site, and every action of the admin, does for each principal what table.toml says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import URLResolver, get_resolver

from conversations import store
from talk import call_with_fallback, turns
from tests.access.access_table import OUTCOMES, AccessTable
from tests.access.principals import PRINCIPALS
from tests.access.world import ID, World
from tests.scripted import ScriptedEngine, answer
from tutor.domain import CannotDo

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TABLE = AccessTable()


def routes(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, Any]]:
    """Yield every address of the site, as Django writes it, with its view."""
    for each in patterns:
        route = before + re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", str(each.pattern)).replace("^", "").replace("$", "")
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        else:
            yield route, each.callback


ROUTES = dict(routes(get_resolver().url_patterns))


def route_of(call: str) -> str:
    return call.partition(" ")[2].partition("?")[0]


class QuickEngine(ScriptedEngine):
    async def translate(self, text: str, *, language: str) -> str:
        return text

    async def analyse(self, *given: object, **fields: object) -> object:
        raise CannotDo("There are too few words.")


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.CALLS_PER_MINUTE = 100_000
    engine = QuickEngine("local", [answer("Hello.", "Hi!") for _ in range(9)])
    monkeypatch.setattr(turns, "engines", lambda: [engine])
    monkeypatch.setattr(call_with_fallback, "engines", lambda: [engine])
    return World()


def made(world: World, client: Client, call: str) -> tuple[str, HttpResponseBase]:
    """Make a call of the table, or another one to an address of it. Return its outcome, and restore the world."""
    method, _, target = call.partition(" ")
    values = world.values(route_of(call))
    path = re.sub(r"<(?:\w+:)?(\w+)>|{(\w+)}", lambda found: values[found[1] or found[2]], target)
    body, content_type = TABLE.bodies.get(call, "{}").replace("{id}", ID), "application/json"
    body = body.replace("{prompt}", world.prompt)
    if path.startswith(("/admin/", "/account/")):
        body, content_type = TABLE.bodies.get(call, "post=yes"), "application/x-www-form-urlencoded"
    with_body = {} if method in ("GET", "HEAD") else {"data": body, "content_type": content_type}
    before = world.at_first
    if call.endswith("/restore"):
        store.delete(world.owner, ID)
        before = world.snapshot()
    response: Any = client.generic(method, path, **with_body)  # type: ignore[arg-type]
    after = world.snapshot()
    word = _word(response, world.has_changed(before, after), world)
    world.restore(after)
    return word, response


def _word(response: Any, has_changed: bool, world: World) -> str:
    """Return the word of the table for what a principal got. 501 is an answer: the engine cannot do it."""
    assert response.status_code < 500 or response.status_code == 501, response.request
    if response.status_code in (404, 405):
        return "absent"
    if response.status_code in (401, 403) or re.search(
        r"/(login|reauthenticate)/\?next=", response.get("Location", "")
    ):
        return "refused"
    if has_changed:
        return "changes"
    if not response.streaming:
        return world.shows(response.content) or "open"
    # What a POST streams is an engine's answer, what a GET streams is a file.
    is_file = response.request["REQUEST_METHOD"] == "GET"
    return world.shows(async_to_sync(_read)(response) if is_file else b"") or "open"


async def _read(response: StreamingHttpResponse) -> bytes:
    return b"".join([part async for part in response])


def compared(expected: dict[str, dict[str, str]], found: dict[str, str], principal: str) -> None:
    assert {call: word for call, word in found.items() if word != expected[call][principal]} == {}


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_each_call_does_what_the_table_says(world: World, principal: str) -> None:
    caller, found = PRINCIPALS[principal](world), dict[str, str]()
    for call in TABLE.calls:
        found[call], _ = made(world, caller.client(), call)
    compared(TABLE.calls, found, principal)


def test_other_methods_do_nothing(world: World) -> None:
    """A view of REST framework answers 405. Other views may answer as to GET, but do no more."""
    callers = {name: PRINCIPALS[name](world) for name in ("owner", "superuser")}
    listed = {f"{call.partition(' ')[0]} {route_of(call)}" for call in TABLE.calls}
    for route, view in ROUTES.items():
        principal = "superuser" if route.startswith("/admin/") else "owner"
        get = next((call for call in TABLE.calls if call.startswith("GET ") and route_of(call) == route), "")
        most = OUTCOMES.index(TABLE.calls[get][principal]) if get else 0
        for method in METHODS:
            call = f"{method} {route}"
            if call in listed:
                continue
            word, response = made(world, callers[principal].client(), call)
            if hasattr(view, "cls"):
                assert response.status_code == 405, call
            assert OUTCOMES.index(word) <= most, call


def test_each_route_is_in_the_table() -> None:
    listed = {route_of(call) for call in TABLE.calls}
    assert set(ROUTES) - listed == set(), "A row is missing."
    assert listed - set(ROUTES) == set(), "There is no such route."


def test_each_method_of_a_view_is_in_the_table() -> None:
    listed = {f"{call.partition(' ')[0]} {route_of(call)}" for call in TABLE.calls}
    for route, view in ROUTES.items():
        allowed = getattr(view, "actions", None) or getattr(view, "cls", object).__dict__
        served = {name.upper() for name in allowed if name.upper() in METHODS} or {"GET"}
        if route.startswith("/admin/"):
            served |= {"POST"}
        assert {f"{method} {route}" for method in served} <= listed


# Actions of the admin


def actions() -> set[str]:
    request = RequestFactory().get("/admin/")
    request.user = get_user_model()(is_staff=True, is_active=True, is_superuser=True)
    found = {model._meta.label_lower: own for model, own in admin.site._registry.items()}
    with_all = RequestFactory().get("/admin/?state=all")
    with_all.user = request.user
    return {f"{label} {name}" for label, own in found.items() for name in own.get_actions(with_all)}


def test_each_action_is_in_the_table() -> None:
    assert set(TABLE.actions) == actions()


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_each_action_does_what_the_table_says(world: World, principal: str) -> None:
    caller, found = PRINCIPALS[principal](world), dict[str, str]()
    for each in TABLE.actions:
        label, _, action = each.partition(" ")
        target = world.objects[label]
        if action == "undelete":
            store.delete(world.owner, ID)
        query = "?state=all" if action == "undelete" else ""
        before = world.snapshot()
        form = {"action": action, "_selected_action": [str(target.pk)], "post": "yes"}
        response = caller.client().post(f"/admin/{label.replace('.', '/')}/{query}", form)
        assert response.status_code < 500
        after = world.snapshot()
        found[each] = "changes" if world.has_changed(before, after) else "refused"
        world.restore(after)
    compared(TABLE.actions, found, principal)


def test_the_table_has_no_column_without_a_principal() -> None:
    assert {*TABLE.columns, *TABLE.like} == set(PRINCIPALS)
    assert set(TABLE.unlike) <= set(TABLE.like)
    assert json.loads(TABLE.bodies["POST /api/conversations"])
