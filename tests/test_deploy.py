"""The files in deploy/ work: nginx runs in front of the real server, and systemd checks the unit."""

import io
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from tests.certificates import make_certificate
from tests.servers import AgentServer, free_port
from tests.servers.process import ServerProcess

ROOT = Path(__file__).resolve().parent.parent
# tests/nginx.sh unpacks nginx in the last one.
FOLDERS = (os.environ["PATH"], "/usr/sbin", str(ROOT / ".venv" / "nginx" / "usr" / "sbin"))
NGINX = os.environ.get("NGINX") or shutil.which("nginx", path=os.pathsep.join(FOLDERS))


class Nginx(ServerProcess):
    """Run nginx with deploy/nginx.conf on free ports, in front of a server on this machine."""

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder)
        self.plain, self.upstream = free_port(), upstream

    def prepare(self) -> None:
        super().prepare()
        make_certificate(self.folder / "both.pem")
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        for written, here in (
            (r"listen 80;", f"listen 127.0.0.1:{self.plain};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            (r"/etc/letsencrypt/\S+\.pem", str(self.folder / "both.pem")),
            (r"talk\.example\.org;", "localhost;"),
            (r"127\.0\.0\.1:8000", f"127.0.0.1:{self.upstream}"),
        ):
            site, found = re.subn(written, here, site)
            assert found, written
        (self.folder / "site.conf").write_text(site)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/pid; error_log stderr;\n"
            f"{'user root;' if os.geteuid() == 0 else ''}\n"
            f"events {{}}\nhttp {{ access_log off;\n{paths}\ninclude {self.folder}/site.conf;\n}}\n"
        )

    def command(self) -> list[str]:
        return [str(NGINX), "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.plain}/", timeout=2).status_code == 301
        except httpx.HTTPError:
            return False


@dataclass(frozen=True)
class Site:
    """Hold the addresses of the site as browsers see it. `plain` is the one without HTTPS."""

    url: str
    plain: str
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if NGINX is None:
        pytest.skip("nginx is not there: run `sh tests/nginx.sh` on Debian.")
    folder = tmp_path_factory.mktemp("behind-nginx")
    agent = AgentServer(folder / "data")
    nginx = Nginx(folder / "nginx", agent.port)
    site = Site(f"https://localhost:{nginx.port}", f"http://localhost:{nginx.plain}", ssl.create_default_context())
    agent = AgentServer(folder / "data", APP_URL=site.url, TRUST_PROXY="on", PORT=str(agent.port))
    agent.url, agent.port = f"http://127.0.0.1:{nginx.upstream}", nginx.upstream
    agent.set_up()
    agent.start()
    nginx.start()
    site.context.load_verify_locations(folder / "nginx" / "both.pem")
    yield site
    nginx.kill()
    agent.kill()


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, verify=site.context, timeout=60) as browser:
        yield browser


def test_pages_are_shown_over_https(browser: httpx.Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert "max-age" in page.headers["strict-transport-security"]


def test_http_is_redirected_to_https(site: Site) -> None:
    answer = httpx.get(f"{site.plain}/history", timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (301, "https://localhost/history")


def test_a_turn_of_some_megabytes_reaches_the_server(browser: httpx.Client) -> None:
    browser.get("/api/conversations")
    voice = io.BytesIO()
    with wave.open(voice, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(bytes(4_500_000))
    turn = browser.post("/api/conversations/long/turns", files={"audio": voice.getvalue()}, data={"reply": "false"})
    # The recording is silent, so nothing is heard.
    assert (turn.status_code, list(turn.json())) == (422, ["error"])


def test_the_application_refuses_a_body_that_is_too_large(browser: httpx.Client) -> None:
    answer = browser.post("/api/conversations", content=bytes(65 * 1024 * 1024))
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


async def test_a_talk_passes_through_nginx(site: Site, browser: httpx.Client) -> None:
    browser.get("/api/conversations")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with websockets.connect(
        f"{site.url.replace('https', 'wss')}/v1/realtime?conversation=one",
        ssl=site.context,
        additional_headers={"Cookie": cookie},
        origin=site.url,  # type: ignore[arg-type]
    ) as talk:
        assert json.loads(await talk.recv())["type"] == "session.created"


def test_events_are_not_buffered(browser: httpx.Client) -> None:
    """The first event comes before the answer has ended."""
    browser.get("/api/conversations")
    times: list[float] = []
    asked = {"text": "I like to travel by train.", "scenario": "travel"}
    with browser.stream(
        "POST", "/api/conversations/two/turns", json=asked, headers={"Accept": "text/event-stream"}
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("event:"):
                times.append(time.monotonic())
    assert len(times) > 2
    assert times[-1] - times[0] > 0.02


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed.")
    unit = (ROOT / "deploy" / "talking-agent.service").read_text()
    assert "/opt/talking-agent/.venv/bin/python manage.py serve" in unit
    unit = unit.replace("/opt/talking-agent/.venv/bin/python", sys.executable).replace("/opt/talking-agent", str(ROOT))
    unit = unit.replace("=talking-agent\nGroup=talking-agent", "=root\nGroup=root")
    (tmp_path / "talking-agent.service").write_text(unit)
    done = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / "talking-agent.service"], capture_output=True, text=True
    )
    if "talking-agent.service" not in done.stderr and done.returncode:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()[:200]}")
    assert "talking-agent.service" not in done.stderr, done.stderr
