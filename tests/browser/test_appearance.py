"""Selections, layout and focus are visible in forced colours, on small screens and in older browsers."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.chromium import WITHIN, chromium, eventually, wait_for_paint
from tests.browser.test_console import OPERATOR, PASSWORD, sign_in
from tests.browser.test_history import conversation
from tests.browser.test_import import open_import
from tests.browser.test_talk import start_talking
from tests.fixtures import served
from tests.servers import AgentServer

# The width in px of an element's edge, which has neither its icon nor its text.
FRAME = 8
# For each selection or switch: its selector, and a script that toggles it.
CHECKED = "(element, on) => { element.checked = on; }"
START = {
    "level": ("label:has([name=level][value=A2])", "(element, on) => { element.querySelector('input').checked = on; }"),
    "kind": (".chip:has([value=lesson])", "(element, on) => { element.querySelector('input').checked = on; }"),
    "topic": (".scenario:has([value=food])", "(element, on) => { element.querySelector('input').checked = on; }"),
    "only my level": ("#only-my-level", CHECKED),
    "page": ("[data-nav=history]", "(element, on) => { element.toggleAttribute('aria-current', on); }"),
}
SETTINGS = {
    "theme": (
        ".segmented label:has([value=dark])",
        "(element, on) => { element.querySelector('input').checked = on; }",
    ),
    "switch": ("#setting-pause-auto", CHECKED),
}
TALK = {
    "hands-free": ("#hands-free", CHECKED),
    "muted": ("#talk-button", "(element, on) => { document.querySelector('#main').dataset.muted = on; }"),
    "listening": (
        "#talk-button",
        "(element, on) => { document.querySelector('#main').dataset.state = on ? 'recording' : 'ready'; }",
    ),
    "thinking": ("#think", "(element, on) => { element.setAttribute('aria-pressed', on); }"),
    "typing": ("#type-button", "(element, on) => { element.setAttribute('aria-expanded', on); }"),
    "goal": (".goal .icon", "(element, on) => { element.closest('.goal').dataset.done = on; }"),
    "replay": (
        "[data-action=replay]",
        "(element, on) => { element.closest('.turn').toggleAttribute('data-playing', on); }",
    ),
}
HISTORY = {
    "talk": (".entry a", "(element, on) => { element.toggleAttribute('aria-current', on); }"),
    "translation": (
        ".turn[data-role=user] [data-action=edit]",
        "(element, on) => { element.setAttribute('aria-pressed', on); }",
    ),
    "play all": ("#play-all", "(element, on) => { element.setAttribute('aria-pressed', on); }"),
}
ADMIN = {
    "filter": (
        "#changelist-filter li:nth-child(2)",
        "(element, on) => { element.classList.toggle('selected', on); }",
    ),
    "row": ("#result_list tbody tr", "(element, on) => { element.classList.toggle('selected', on); }"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def talking(page: Page, server: AgentServer) -> None:
    start_talking(page, server)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


# Forced colours


def edge(element: Locator) -> np.ndarray[Any, Any]:
    """Return the pixels of the element's edge on the screen."""
    with av.open(io.BytesIO(element.screenshot()), "r") as picture:
        pixels = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    inside = pixels[FRAME:-FRAME, FRAME:-FRAME]
    inside[:] = 0
    return pixels


def alike(page: Page, states: dict[str, tuple[str, str]]) -> list[str]:
    """Return the states that look the same on and off, apart from their icons and text."""
    found = []
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.mouse.move(0, 0)
    for name, (selector, switch) in states.items():
        element = page.locator(selector).first
        pictures = []
        for on in (False, True):
            element.evaluate(switch, on)
            wait_for_paint(page)
            pictures.append(edge(element))
        off, lit = pictures
        smallest = tuple(map(min, zip(off.shape, lit.shape, strict=True)))
        differ = (off[: smallest[0], : smallest[1]] != lit[: smallest[0], : smallest[1]]).any(axis=2)
        height, width = differ.shape
        framed = height * width - max(0, height - 2 * FRAME) * max(0, width - 2 * FRAME)
        if differ.sum() / framed < 0.05:
            found.append(name)
    return found


def test_choices_are_visible_in_forced_colours(page: Page, server: AgentServer):
    page.goto(server.url)
    page.wait_for_selector(".scenario")
    assert alike(page, START) == []
    page.get_by_role("button", name="Settings").click()
    assert alike(page, SETTINGS) == []


def test_switches_of_a_talk_are_visible_in_forced_colours(page: Page, server: AgentServer):
    talking(page, server)
    page.get_by_role("switch", name="Hands-free").check()
    assert alike(page, TALK) == []


def test_the_open_talk_in_the_history_is_visible_in_forced_colours(page: Page, server: AgentServer):
    page.goto(f"{server.url}/history")
    talk = conversation(0, "Cooking", "I made a soup.")
    page.request.post(f"{server.url}/api/conversations", data=talk)
    page.goto(f"{server.url}/history/{talk['id']}")
    page.wait_for_selector("li.turn")
    assert alike(page, HISTORY) == []


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """Serve a site that has an operator."""
    agent = AgentServer(tmp_path_factory.mktemp("agent"), {"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    agent.set_up()
    agent.manage(*OPERATOR)
    with served(agent):
        yield agent


def test_choices_of_operators_are_visible_in_forced_colours(page: Page, agent: AgentServer):
    sign_in(page, agent, PASSWORD)
    page.goto(f"{agent.url}/history")
    page.request.post(f"{agent.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
    page.goto(f"{agent.url}/admin/conversations/conversation/")
    assert alike(page, ADMIN) == []


# Small screens

WHERE = """selector => {
  const element = document.querySelector(selector);
  const { left, top, right, bottom } = element.getBoundingClientRect();
  const atop = (x, y) => element.contains(document.elementFromPoint(x, y));
  return {
    height: Math.min(bottom, innerHeight) - Math.max(top, 0),
    whole: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight,
    clear: atop((left + right) / 2, top + 3) && atop((left + right) / 2, bottom - 3),
  };
}"""
SCREENS = {
    "a phone on its side": (844, 390),
    "a small phone on its side": (667, 375),
    "a laptop at 200 %": (640, 400),
    "a phone with its keyboard": (390, 400),
    "a narrow phone": (320, 568),
    "a narrow phone with a keyboard": (320, 400),
    "a low window": (1280, 400),
}


def is_in_full_view(page: Page, part: str) -> bool:
    found = page.evaluate(WHERE, part)
    return bool(found["whole"] and found["clear"])


def test_there_is_room_for_the_dialogue_and_the_field_on_every_screen(page: Page, server: AgentServer):
    talking(page, server)
    page.get_by_role("button", name="Type", exact=True).click()
    for name, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        # The page moves its parts some frames after a change of its size.
        for part in ("#type-text", "#type-form button", "#end-talk", "#talk-button"):
            eventually(page, partial(is_in_full_view, page, part), f"{part} in full view on {name}")
        assert page.evaluate(WHERE, "#dialogue-scroll")["height"] >= 160, name
        fits = f"document.documentElement.scrollWidth <= {width}"
        eventually(page, partial(page.evaluate, fits), f"nothing beside the screen on {name}")


@pytest.mark.parametrize("size", [(390, 844), (320, 640), (1280, 860)])
def test_the_levels_say_what_they_mean(page: Page, server: AgentServer, size: tuple[int, int]):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(server.url)
    for name in ("Beginner", "Elementary", "Intermediate", "Upper intermediate", "Advanced"):
        shown = page.locator("#level-options").get_by_text(name, exact=True)
        expect(shown).to_be_visible()
        box = shown.bounding_box()
        assert box
        assert box["width"] > 20
        assert box["x"] + box["width"] <= size[0]


# The focus

# The focused element with its ring, and the bars that cover the page.
COVERED = """async bar => {
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const focused = document.activeElement;
  const over = document.querySelector(bar);
  if (!over || over.contains(focused) || !focused.matches(":focus")) return "";
  const a = focused.getBoundingClientRect(), b = over.getBoundingClientRect();
  const ring = 5;
  const isUnder = a.bottom + ring > b.top && a.top - ring < b.bottom && a.height < b.top;
  const name = `${focused.tagName} ${focused.value || focused.textContent.trim()}`;
  return isUnder || a.top < 0 ? `${name}: ${a.top} to ${a.bottom}, bar at ${b.top}` : "";
}"""


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (844, 390), (640, 400), (320, 568)])
def test_the_start_bar_never_covers_the_focus(page: Page, server: AgentServer, size: tuple[int, int]):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(server.url)
    page.wait_for_selector(".scenario")
    covered = []
    # From the filters to the topics.
    for _ in range(10):
        page.keyboard.press("Tab")
        covered.append(page.evaluate(COVERED, ".start-bar"))
    page.locator(".scenario input").first.focus()
    for key in ["ArrowDown"] * 24 + ["ArrowUp"] * 24:
        page.keyboard.press(key)
        covered.append(page.evaluate(COVERED, ".start-bar"))
    page.locator(".scenario input[value=own-topic]").check(force=True)
    page.locator(".scenario input[value=own-topic]").focus()
    for key in ["Tab"] * 4 + ["Shift+Tab"] * 4:
        page.keyboard.press(key)
        covered.append(page.evaluate(COVERED, ".start-bar"))
    assert [each for each in covered if each] == []


@pytest.mark.parametrize("size", [(1280, 800), (390, 600)])
def test_the_bar_of_the_import_page_never_covers_the_focus(page: Page, server: AgentServer, size: tuple[int, int]):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{server.url}/history")
    talks = [conversation(number, "Cooking", "I made a soup.") for number in range(12)]
    open_import(page, server, conversationHistory=talks)
    page.get_by_text("Choose which").click()
    covered = []
    for key in ["Tab"] * 20 + ["Shift+Tab"] * 20:
        page.keyboard.press(key)
        covered.append(page.evaluate(COVERED, ".import-actions"))
    assert [each for each in covered if each] == []


# Older browsers


@pytest.mark.parametrize(
    ("scheme", "paper", "accent"),
    [("light", "rgb(248, 246, 241)", "rgb(11, 107, 83)"), ("dark", "rgb(19, 22, 20)", "rgb(99, 209, 169)")],
)
def test_older_browsers_show_colours(browser: Browser, agent: AgentServer, scheme: Any, paper: str, accent: str):
    def older(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        for newer in ("light-dark(", ":has(", "color-mix("):
            text = text.replace(newer, newer.replace("-", "_").replace(":has", ":unknown") + "unknown ")
        route.fulfill(response=answer, body=text)

    context = browser.new_context(color_scheme=scheme, service_workers="block")
    page = context.new_page()
    page.route("**/*.css", older)
    page.goto(agent.url)
    page.wait_for_selector(".scenario")

    def colour(selector: str) -> str:
        return page.locator(selector).first.evaluate("element => getComputedStyle(element).backgroundColor")

    assert colour("body") == paper
    assert colour("#start") == accent
    assert colour(".start-bar") == paper
    page.locator("html").evaluate("root => { root.dataset.theme = 'light' }")
    assert colour("body") == "rgb(248, 246, 241)"
    page.locator("html").evaluate("root => { root.dataset.theme = 'dark' }")
    assert colour("body") == "rgb(19, 22, 20)"
    sign_in(page, agent, PASSWORD)
    assert (
        page.locator("#header").evaluate("element => getComputedStyle(element).backgroundColor") != "rgba(0, 0, 0, 0)"
    )
    context.close()
