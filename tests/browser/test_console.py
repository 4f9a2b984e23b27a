"""A new operator verifies, tests, migrates, stops and resumes in Chromium."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import WITHIN, chromium
from tests.fixtures import served
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder

# The number of recordings. There must be many batches, so that there is time to stop.
MANY = 2_400
PASSWORD = "for-the-test"
OPERATOR = ("createsuperuser", "--noinput", "--username", "operator", "--email", "operator@example.org")
# Fill a server without a cloud. The first `missing` recordings have no files.
GATHER = """
import hashlib, uuid
from datetime import timedelta
from django.conf import settings
from django.utils import timezone
from audio.models import Recording
from conversations.models import Conversation
now, rows = timezone.now(), []
for number in range({talks}):
    talk = Conversation(id=uuid.uuid4(), wire_id=f"c-{{number}}", learner=uuid.UUID(int=number % 5 + 1), title="A talk",
        timestamp=now - timedelta(days=number), created_at=now - timedelta(days=number), updated_at=now)
    talk.save(using="local")
for number in range({recordings}):
    data = b"voice %d " % number * {repeated}
    key = f"{{number % 100:02}}/{{number}}.webm"
    if number >= {missing}:
        path = settings.DATA_DIR / "recordings" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    rows.append(Recording(id=uuid.uuid4(), learner=uuid.UUID(int=1), conversation=uuid.UUID(int=2),
        message=uuid.uuid4(), key=key, content_type="audio/webm", size=len(data), duration=4.0,
        sha256=hashlib.sha256(data).hexdigest(), created_at=now - timedelta(days=number % 300)))
Recording.objects.using("local").bulk_create(rows, batch_size=200)
"""


def gather(agent: AgentServer, *, talks: int, recordings: int, missing: int = 0, repeated: int = 100) -> None:
    counts = {"talks": talks, "recordings": recordings, "missing": missing, "repeated": repeated}
    agent.manage("shell", "-c", GATHER.format(**counts))


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Server]:
    with served(S3Server(temporary_folder("s3"))) as server:
        yield server


@pytest.fixture(scope="module")
def agent(bucket: S3Server) -> Iterator[AgentServer]:
    """Run a server whose cloud is configured, but still switched off, as before a migration."""
    with served(PostgresServer(temporary_folder("postgresql"))) as database:
        off = {"USE_CLOUD_STORAGE": "false", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        agent = AgentServer(temporary_folder("agent") / "data", database.env, bucket.env, off)
        agent.set_up()
        agent.manage(*OPERATOR)
        gather(agent, talks=20, recordings=MANY, missing=2)
        agent.start()
        yield agent
        agent.kill()


@pytest.fixture(scope="module")
def context(agent: AgentServer) -> Iterator[BrowserContext]:
    """Return the browser context of a signed-in operator."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        sign_in(context.new_page(), agent, PASSWORD)
        yield context


@pytest.fixture
def page(agent: AgentServer, context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{agent.url}/admin/")
    page.get_by_role("link", name="Verify, test, migrate, costs").click()
    yield page
    page.close()
    # This includes violations of the Content-Security-Policy.
    assert said == []


def sign_in(page: Page, agent: AgentServer, password: str) -> None:
    page.goto(f"{agent.url}/admin/")
    page.locator("input[name=login]").fill("operator")
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_selector(".cloud-line")


def checks(page: Page) -> Locator:
    return page.locator("#results-list li")


def plan(page: Page, *, workers: int = 8, dry: bool = False, reads_back: bool = False) -> None:
    page.get_by_label("From", exact=True).select_option("local")
    page.get_by_label("To", exact=True).select_option("cloud")
    page.get_by_label("Recordings at a time").fill(str(workers))
    page.get_by_label("Dry run").set_checked(dry)
    page.get_by_label("Read every byte back").set_checked(reads_back)
    page.get_by_role("button", name="Show the plan").click()


def begin_slowly(page: Page) -> None:
    """Begin a slow migration. Wait until the page shows its speed."""
    plan(page, workers=1, reads_back=True)
    page.get_by_role("button", name="Begin to copy").click()
    words = page.locator("[data-run=words]")
    expect(words).to_have_text(re.compile(r"^\d+ % · .* looked at · \d+ a second · .* left"), timeout=WITHIN)


def state(page: Page) -> Locator:
    return page.locator("[data-run=word]")


def test_verify_shows_each_result_and_the_total(page: Page):
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ checks: \d+ ok"), timeout=WITHIN)
    assert checks(page).count() > 15
    expect(page.get_by_role("heading", name="Verify")).to_be_visible()
    expect(page.get_by_role("button", name="Verify")).to_be_enabled()


def test_the_self_test_shows_each_step_with_the_keyboard_alone(page: Page):
    page.get_by_role("button", name="Test", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The storage works.", timeout=WITHIN)
    expect(checks(page)).to_have_count(6)
    expect(checks(page).last).to_contain_text("Nothing of it is left.")


def test_the_plan_shows_the_amount_of_data_to_copy(page: Page):
    plan(page)
    expect(page.locator(".facts div").filter(has_text="Recordings there")).to_contain_text(str(MANY))
    expect(page.get_by_role("button", name="Begin to copy")).to_be_visible()


def test_a_migration_is_followed_stopped_and_resumed_by_the_page_and_the_command(
    page: Page, agent: AgentServer, bucket: S3Server
):
    begin_slowly(page)
    # The migration must not end before the test has looked at it.
    bucket.freeze()
    bar = page.get_by_role("progressbar", name="Looked at")
    assert 0 < bar.evaluate("bar => bar.value") < MANY
    stop(page, bucket)
    expect(page.get_by_text("Somebody stopped it.")).to_be_visible()
    assert 0 < copied(page) < MANY - 2

    bucket.freeze()
    page.get_by_role("button", name="Resume").click()
    expect(state(page)).to_have_text("running")
    stop(page, bucket)

    # Two recordings have no files.
    with pytest.raises(subprocess.CalledProcessError):
        agent.manage("storage", "migrate", "--resume", page.url.rstrip("/").rsplit("/", 1)[-1])
    page.reload()
    expect(state(page)).to_have_text("failed")
    expect(page.get_by_role("heading", name="Not copied (2)")).to_be_visible()
    expect(page.locator("[data-run=failed] li")).to_have_text([re.compile("its file is missing")] * 2)
    expect(page.locator("[data-count=conversations]")).to_have_text("20")
    look = page.context.new_page()
    look.goto(page.url)
    assert violations(look) == []
    look.close()


def stop(page: Page, bucket: S3Server) -> None:
    # The migration must not end before the test has stopped it.
    bucket.freeze()
    page.get_by_role("button", name="Stop").click()
    expect(state(page)).to_have_text("stopping")
    bucket.thaw()
    expect(state(page)).to_have_text("stopped", timeout=WITHIN)


def copied(page: Page) -> int:
    return int(page.locator("[data-count=recordings]").inner_text().replace(",", ""))


def test_the_list_names_a_dry_run(page: Page):
    plan(page, dry=True)
    page.get_by_role("button", name="Begin the dry run").click()
    expect(state(page)).to_have_text("done", timeout=WITHIN)
    expect(page.get_by_text("Nothing was written.")).to_be_visible()
    page.get_by_role("link", name="Storage", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="(dry run)")).to_have_count(1)


def test_axe_finds_no_violations_in_a_plan_and_a_run(agent: AgentServer, context: BrowserContext):
    # axe violates the Content-Security-Policy itself, so it needs a page whose console is not checked.
    page = context.new_page()
    page.goto(f"{agent.url}/admin/storage/")
    plan(page, dry=True)
    assert violations(page) == []
    page.get_by_role("button", name="Begin the dry run").click()
    expect(state(page)).to_have_text("done", timeout=WITHIN)
    assert violations(page) == []
    page.close()


def test_a_narrow_page_does_not_scroll_sideways(page: Page):
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ checks"), timeout=WITHIN)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="What is stored, how it grew").click()
    expect(page.get_by_role("img", name="Recordings added by month")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
