"""A view that is not async runs in one thread, with all its middleware, and keeps its connections."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from core.middleware import Middleware
from talking_agent.handler import Handler, _is_async

# Also where no database is used: the threads of earlier requests have connections.
pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)
THREADS: list[str] = []
PATIENCE = 10


class Noted(Middleware[HttpRequest]):
    """Note the threads that middleware runs in."""

    def before(self, request: HttpRequest) -> None:
        THREADS.append(threading.current_thread().name)

    def after(self, request: HttpRequest, response: object) -> None:
        THREADS.append(threading.current_thread().name)


def in_thread(request: HttpRequest) -> JsonResponse:
    connections["local"].ensure_connection()
    THREADS.append(threading.current_thread().name)
    return JsonResponse({"thread": threading.get_ident(), "connection": id(connections["local"].connection)})


async def on_the_loop(request: HttpRequest) -> JsonResponse:
    THREADS.append(threading.current_thread().name)
    return JsonResponse({})


def failing(request: HttpRequest) -> HttpResponse:
    raise ValueError("a fault of the view")


RELEASED = threading.Event()


def waiting(request: HttpRequest) -> HttpResponse:
    RELEASED.wait(PATIENCE)
    return HttpResponse()


def unknown(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("unknown", status=404)


handler404 = unknown
MEETING = threading.Barrier(20, timeout=PATIENCE)


def meeting(request: HttpRequest) -> HttpResponse:
    MEETING.wait()
    return HttpResponse("met")


urlpatterns = [
    path("in-thread", in_thread),
    path("on-the-loop", on_the_loop),
    path("failing", failing),
    path("meeting", meeting),
    path("waiting", waiting),
]


@pytest.fixture
async def client(settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.Noted", "django.middleware.common.CommonMiddleware"]
    _is_async.cache_clear()
    THREADS.clear()
    transport = httpx.ASGITransport(Handler(), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    _is_async.cache_clear()


async def test_a_view_and_its_middleware_run_in_one_thread(client: httpx.AsyncClient) -> None:
    assert (await client.get("/in-thread")).status_code == 200
    assert len(THREADS) == 3
    assert len(set(THREADS)) == 1
    assert THREADS[0].startswith("view")


async def test_the_next_request_in_a_thread_has_the_same_connection(client: httpx.AsyncClient) -> None:
    answers = [(await client.get("/in-thread")).json() for _ in range(10)]
    threads = {answer["thread"] for answer in answers}
    assert len(threads) < len(answers)
    assert len({(answer["thread"], answer["connection"]) for answer in answers}) == len(threads)


async def test_an_async_view_runs_on_the_event_loop(client: httpx.AsyncClient) -> None:
    assert (await client.get("/on-the-loop")).status_code == 200
    assert threading.current_thread().name in THREADS


async def test_an_unknown_path_and_a_failing_view_are_answered(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).status_code == 404
    answer = await client.get("/failing")
    assert answer.status_code == 500
    assert "a fault of the view" not in answer.text


async def test_many_views_run_at_once(client: httpx.AsyncClient) -> None:
    """Each waits for all others, so that none may wait for a thread."""
    answers = await asyncio.gather(*[client.get("/meeting") for _ in range(20)])
    assert [answer.text for answer in answers] == ["met"] * 20


async def test_a_request_whose_client_has_gone_keeps_its_place_until_its_thread_ends(client: httpx.AsyncClient) -> None:
    """Otherwise one visitor could occupy all threads by connecting and leaving."""
    RELEASED.clear()
    begun, headers = asyncio.Event(), [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/waiting", "query_string": b"", "headers": headers}
    messages = [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.sleep(0.1)
        begun.set()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        pass

    request = asyncio.ensure_future(Handler()(scope, receive, send))
    await asyncio.wait_for(begun.wait(), PATIENCE)
    done, _ = await asyncio.wait([request], timeout=0.5)
    assert not done
    RELEASED.set()
    done, _ = await asyncio.wait([request], timeout=PATIENCE)
    assert done
