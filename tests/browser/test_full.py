"""When all talks that the server carries are taken, the page says so, and continues when one ends."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import expect_states
from tests.browser.test_talk import choose_and_start
from tests.servers import AgentServer
from tests.talking import new_learner, talking


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path / "small", LOCAL_TALKS="1")
    server.set_up()
    server.start()
    yield server
    server.kill()


@contextlib.contextmanager
def another_learner(server: AgentServer) -> Iterator[None]:
    """Hold a talk of another learner while the block runs."""
    has_begun, is_over = threading.Event(), threading.Event()

    async def talk() -> None:
        async with talking(server.url, "another", new_learner(server.url)):
            has_begun.set()
            await asyncio.to_thread(is_over.wait)

    thread = threading.Thread(target=asyncio.run, args=(talk(),))
    thread.start()
    assert has_begun.wait(60)
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_the_page_says_that_the_server_is_full_and_tries_again(page: Page, small_server: AgentServer):
    with another_learner(small_server):
        choose_and_start(page, small_server)
        expect(page.locator("#connection-notice")).to_contain_text("All places are taken")
        assert violations(page) == []
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#connection-notice")).to_contain_text("All places are taken")
    page.get_by_role("button", name="Try again").click()
    expect_states(page, "agent", "ready")
    expect(page.locator("#connection-notice")).to_be_hidden()
