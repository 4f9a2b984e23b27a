"""Take the pictures in docs/screenshots: `make screenshots`.

They show a real talk on a real server in a real browser. `python -m tests.screenshots PART …` takes only the pictures of
these parts: `embedded`, `provider` or `storage`.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import django
import numpy as np
from playwright.sync_api import Browser, Page, ViewportSize, expect

# The imports below read settings and load models.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

# ruff: noqa: E402
from audio.encoding import BYTES_PER_SECOND
from conversations.tests.browsers import flat, nested
from simulators.openai import Provider
from tests.browser import test_console
from tests.browser.chromium import chromium
from tests.browser.microphone import add_microphone, begin_to_say
from tests.browser.test_history import conversation
from tests.browser.test_import import open_import
from tests.browser.test_talk import WITHIN, hands_free, start_talking, wait_until_answered
from tests.fixtures import PROVIDER_KEY, served
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.talking import spoken

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
WIDE: ViewportSize = {"width": 1280, "height": 860}
NARROW: ViewportSize = {"width": 390, "height": 844}
OPERATOR = {"DJANGO_SUPERUSER_PASSWORD": "for-the-pictures"}
# The transcripts, replies and corrections of the simulated provider.
HEARD = (
    "My brother has went to London last week.",
    "She have a big family and they lives in Brazil.",
    "Last year we was in London with my sister, too, and we visited much museums.",
)
CORRECTIONS = [
    [{"said": "has went", "better": "went", "why": "Last week is over: past simple.", "category": "tense"}],
    [
        {"said": "She have", "better": "She has", "why": "With she: has.", "category": "agreement"},
        {"said": "they lives", "better": "they live", "why": "With they: live.", "category": "agreement"},
    ],
    [
        {"said": "we was", "better": "we were", "why": "With we: were.", "category": "agreement"},
        {"said": "much museums", "better": "many museums", "why": "Museums can be counted.", "category": "word choice"},
    ],
]
PROVIDED = {
    "transcripts": list(HEARD[:2]),
    "replies": [
        "Hello! Where did you go, or where would you like to go?",
        "London, how nice! Your brother went last week. Who does he know there?",
        "A big family in Brazil! Have you ever visited them together?",
        "The museums are lovely. Which one did you like best?",
    ],
    "structured": {
        "corrections": [{"corrections": found} for found in CORRECTIONS],
        "translation": [
            {"translation": "Luân Đôn à, hay quá! Tuần trước anh trai bạn đã đến đó. Anh ấy quen ai ở đấy?"}
        ],
        "analysis": [
            {
                "scores": {"fluency": 63, "grammar": 58, "vocabulary": 66, "contentRichness": 71},
                "strengths": [
                    "You told a whole story, and who was in it.",
                    "You went on by yourself, without being asked.",
                ],
                "improvements": ["The past of irregular verbs: went, were.", "He, she and it: has, lives."],
                "feedback": "It was easy to follow where your brother went and what you did there together.",
                "suggestions": [
                    {
                        **{"type": "sentence", "original": "She have a big family", "category": "idiom"},
                        **{"alternative": "She comes from a big family", "explanation": "It sounds more natural."},
                    }
                ],
            }
        ],
    },
    "delays": {"transcription_ms": 180, "realtime_first_audio_ms": 420},
}
# Answers of the last weeks, for the page about usage.
ANSWERED = """
import uuid
from datetime import timedelta
from django.utils import timezone
from conversations import store
from conversations.drafts import Draft
now = timezone.now()
engines = ["openai_realtime", "openai_pipeline", "local"]
for ago in range(26):
    drafts = []
    for number in range(4 + ago * 7 % 11):
        engine = engines[(number * number + ago) % 5 % 3]
        paid = engine != "local"
        used = {"stage": "chat", "model": "gpt-5.4-mini", "text_in": 900 + 13 * number, "text_out": 40, "seconds": 9 * paid}
        heard = 210 + 17 * (number * 5 % 9)
        times = {"heard_ms": heard, "thought_ms": heard + 260, "first_audio_ms": heard + 390, "saved_ms": 31 + number}
        measured = {"engine": engine, "usage": [used] * paid, "cost": 0.0041 * paid} | times
        drafts.append(Draft(f"ai-{number}", "assistant", "And you?", now - timedelta(days=ago), measured=measured))
    columns = {"timestamp": now - timedelta(days=ago), "topic": "Travel"}
    store.save(uuid.UUID(int=1), f"conv-{ago}", columns=columns, messages=drafts, replace=False)
"""


def take(page: Page, name: str, *, full: bool = False) -> None:
    # The mouse points at nothing.
    page.mouse.move(0, 0)
    # Wait for transitions to end.
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=full)
    print(f"docs/screenshots/{name}.png")


def take_all_layouts(page: Page, name: str, *, full: bool = False) -> None:
    """Take pictures of the same page: wide, narrow and dark."""
    take(page, f"{name}-wide", full=full)
    page.emulate_media(color_scheme="dark")
    take(page, f"{name}-dark", full=full)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    take(page, f"{name}-narrow", full=full)
    page.set_viewport_size(WIDE)


def say_two_turns(page: Page) -> None:
    """Say two sentences in a quiet room, and wait for both answers."""
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    hands_free(page)
    begin_to_say(page, room(2), spoken("learner_london"), room(9), spoken("learner_family"), room(30))
    wait_until_answered(page, turns=1)
    wait_until_answered(page, turns=2)
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)


def talk(browser: Browser, server: AgentServer) -> None:
    page = browser.new_page(viewport=WIDE)
    add_microphone(page)
    page.goto(server.url)
    page.wait_for_selector(".scenario")
    take_all_layouts(page, "start")
    start_talking(page, server)
    say_two_turns(page)
    take_all_layouts(page, "talk")
    page.goto(f"{server.url}/history")
    page.wait_for_selector(".entry")
    take_all_layouts(page, "history")
    page.locator(".entry a").first.click()
    page.wait_for_selector("li.turn")
    take_all_layouts(page, "conversation")


def feedback(browser: Browser, server: AgentServer) -> None:
    """Show the analysis of a talk with a provider, and the buttons of a turn."""
    page = browser.new_page(viewport=WIDE)
    add_microphone(page)
    start_talking(page, server)
    say_two_turns(page)
    page.get_by_role("button", name="Type").click()
    page.get_by_label("Type what you want to say").fill(HEARD[2])
    page.keyboard.press("Enter")
    expect(page.locator("li.turn[data-role=user] .correction")).to_have_count(5, timeout=WITHIN)
    expect(page.locator("li.turn[data-role=assistant] [data-action=translate]:visible")).to_have_count(
        4, timeout=WITHIN
    )
    expect(page.locator("#main")).to_have_attribute("data-state", "ready", timeout=WITHIN)
    page.get_by_role("button", name="End talk").click()
    expect(page.locator(".score").first).to_be_visible(timeout=WITHIN)
    expect(page.locator("#summary-saving")).to_have_text("Everything is saved.", timeout=WITHIN)
    take_all_layouts(page, "feedback", full=True)
    page.get_by_role("link", name="Listen to it again").click()
    answer = page.locator("li.turn[data-role=assistant]").nth(1)
    answer.get_by_role("button", name="Translate").click()
    answer.get_by_role("button", name="How long this answer took").click()
    expect(answer.locator(".turn-translation")).to_be_visible()
    answer.evaluate("turn => turn.previousElementSibling.scrollIntoView()")
    take_all_layouts(page, "breakdown")


def import_page(browser: Browser, server: AgentServer) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{server.url}/history")
    open_import(page, server, conversationHistory=[nested(), flat(1), "junk"])
    take_all_layouts(page, "import")


def usage(browser: Browser, server: AgentServer) -> None:
    page = signed_in(browser, server)
    take_all_layouts(page, "admin-front")
    page.goto(f"{server.url}/admin/conversations/conversation/usage/")
    take_all_layouts(page, "admin-usage")


def signed_in(browser: Browser, server: AgentServer) -> Page:
    page = browser.new_page(viewport=WIDE)
    test_console.sign_in(page, server, OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
    page.goto(f"{server.url}/admin/")
    return page


def admin(browser: Browser, server: AgentServer) -> None:
    page = signed_in(browser, server)
    page.goto(f"{server.url}/admin/conversations/conversation/")
    take_all_layouts(page, "admin-conversations")
    page.locator("#result_list tbody th a").first.click()
    take_all_layouts(page, "admin-conversation")
    page.goto(f"{server.url}/admin/audio/recording/")
    take_all_layouts(page, "admin-recordings")
    page.locator("audio").first.evaluate("audio => audio.play()")
    page.goto(f"{server.url}/admin/staff/accessrecord/")
    take_all_layouts(page, "admin-access")


def console(browser: Browser) -> None:
    """Show the operators' pages about storage: before a migration, during one, and while the bucket is down."""
    with (
        served(PostgresServer(temporary_folder("postgresql"))) as database,
        served(S3Server(temporary_folder("s3"))) as s3,
    ):
        off = {"USE_CLOUD_STORAGE": "false", **OPERATOR}
        folder = temporary_folder("agent") / "data"
        agent = AgentServer(folder, database.env, s3.env, off)
        agent.set_up()
        agent.manage(*test_console.OPERATOR)
        test_console.gather(agent, talks=80, recordings=2_000, missing=2, repeated=4_000)
        with served(agent):
            page = browser.new_page(viewport=WIDE)
            test_console.sign_in(page, agent, OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
            page.goto(f"{agent.url}/admin/storage/")
            page.get_by_role("button", name="Verify").click()
            page.get_by_text(re.compile(r"^\d+ checks: ")).wait_for()
            page.locator("#results").evaluate("results => results.scrollIntoView()")
            take_all_layouts(page, "console-verify")
            test_console.plan(page)
            take(page, "console-plan")
            page.goto(f"{agent.url}/admin/storage/")
            test_console.begin_slowly(page)
            # The migration must not end before the pictures are taken.
            s3.freeze()
            take_all_layouts(page, "console-run")
            s3.thaw()
            page.get_by_text("Not copied (2)").wait_for()
            take(page, "console-run-failed")
            page.goto(f"{agent.url}/admin/storage/cost/")
            take_all_layouts(page, "console-cost")
        on = AgentServer(temporary_folder("agent-on") / "data", database.env, s3.env)
        on.set_up()
        with served(on):
            test_console.sign_in(page, on, OPERATOR["DJANGO_SUPERUSER_PASSWORD"])
            page.goto(f"{on.url}/admin/storage/")
            take(page, "console-on")
            s3.kill()
            page.request.post(f"{on.url}/api/conversations", data=conversation(0, "Cooking", "I made a soup."))
            page.goto(f"{on.url}/admin/")
            take(page, "console-front")
            page.goto(f"{on.url}/admin/storage/")
            take_all_layouts(page, "console-degraded")
            database.kill()
            page.goto(f"{on.url}/admin/")
            take(page, "console-unreachable")


def room(seconds: float) -> bytes:
    """Write a recording of a quiet room. The page would report a microphone that delivers only zeros."""
    noise = np.random.default_rng(1).integers(-250, 250, int(seconds * BYTES_PER_SECOND) // 2)
    return noise.astype("<i2").tobytes()


def embedded(browser: Browser, folder: Path) -> None:
    server = AgentServer(folder / "embedded", OPERATOR)
    server.set_up()
    server.manage(*test_console.OPERATOR)
    with served(server):
        talk(browser, server)
        admin(browser, server)


def provider(browser: Browser, folder: Path) -> None:
    with Provider(api_key=PROVIDER_KEY) as openai:
        openai.reset(**PROVIDED)
        env = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": openai.url, "TUTOR_ENGINE": "openai_realtime"}
        server = AgentServer(folder / "provider", env, OPERATOR)
        server.set_up()
        server.manage(*test_console.OPERATOR)
        server.manage("shell", "-c", ANSWERED)
        with served(server):
            feedback(browser, server)
            import_page(browser, server)
            usage(browser, server)


def storage(browser: Browser, _: Path) -> None:
    console(browser)


PARTS = {"embedded": embedded, "provider": provider, "storage": storage}


def main(*names: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PARTS:
            with chromium() as browser:
                PARTS[name](browser, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
