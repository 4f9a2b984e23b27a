"""The files in deploy/ work: nginx and Caddy run in front of the real server, and systemd checks the unit."""

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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.certificates import make_certificate
from tests.clouds import wait_for
from tests.servers import AgentServer, PostgresServer, S3Server, free_port
from tests.servers.process import ServerProcess
from tests.talking import SPEECH

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


class Caddy(ServerProcess):
    """Run Caddy with deploy/Caddyfile on free ports, in front of servers on this machine."""

    def __init__(self, folder: Path, *upstreams: int, s3: str = "127.0.0.1:1") -> None:
        super().__init__(folder)
        self.plain = free_port()
        self._env = {
            "SITE": "localhost",
            "SERVERS": " ".join(f"127.0.0.1:{port}" for port in upstreams),
            "S3": s3,
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "HOME": str(folder),
        }

    @property
    def authority(self) -> Path:
        """Return the certificate of Caddy's own authority, which its first start makes."""
        return self.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def prepare(self) -> None:
        super().prepare()
        ports = f"http_port {self.plain}\nhttps_port {self.port}"
        site = (ROOT / "deploy" / "Caddyfile").read_text()
        (self.folder / "Caddyfile").write_text(f"{{\n{ports}\nskip_install_trust\nadmin off\n}}\n{site}")

    def command(self) -> list[str]:
        caddy = Path(sys.executable).with_name("caddy")
        return [str(caddy), "run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]

    def popen_options(self) -> dict[str, Any]:
        return {"env": self._env}

    def answers(self) -> bool:
        """Return whether it redirects to HTTPS, and the servers behind it have passed a check."""
        try:
            redirected = httpx.get(f"http://localhost:{self.plain}/", timeout=2).status_code == 308
            context = ssl.create_default_context(cafile=str(self.authority))
            health = httpx.get(f"https://localhost:{self.port}/healthz", verify=context, timeout=2)
            return redirected and health.status_code == 200
        except (httpx.HTTPError, OSError):
            return False


@dataclass(frozen=True)
class Site:
    """Hold the addresses of the site as browsers see it. `plain` is the one without HTTPS."""

    url: str
    plain: str
    context: ssl.SSLContext


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "nginx" and NGINX is None:
        pytest.skip("nginx is not there: run `sh tests/nginx.sh` on Debian.")
    folder = tmp_path_factory.mktemp(f"behind-{request.param}")
    upstream = free_port()
    proxy = (Nginx if request.param == "nginx" else Caddy)(folder / "proxy", upstream)
    site = Site(f"https://localhost:{proxy.port}", f"http://localhost:{proxy.plain}", ssl.create_default_context())
    agent = behind(site.url, folder / "data", upstream)
    agent.start()
    proxy.start()
    authority = proxy.authority if isinstance(proxy, Caddy) else folder / "proxy" / "both.pem"
    site.context.load_verify_locations(authority)
    yield site
    proxy.kill()
    agent.kill()


def behind(url: str, data_dir: Path, port: int, *envs: dict[str, str], **env: str) -> AgentServer:
    """Return a server that listens on this port, for a site that browsers see at `url`."""
    agent = AgentServer(data_dir, *envs, APP_URL=url, TRUST_PROXY="on", PORT=str(port), **env)
    agent.url, agent.port = f"http://127.0.0.1:{port}", port
    agent.set_up()
    return agent


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
    assert answer.status_code in (301, 308)
    # nginx's file names the port 443, which it does not have in the tests.
    assert answer.headers["location"] in ("https://localhost/history", f"{site.url}/history")


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


async def test_a_talk_passes_through_the_proxy(site: Site, browser: httpx.Client) -> None:
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


def test_learners_reach_one_of_several_servers_and_their_recordings_through_caddy(
    tmp_path: Path, postgres: PostgresServer, s3: S3Server
) -> None:
    """The servers share a database and a bucket. Whichever of them dies, the other one answers."""
    ports = [free_port(), free_port()]
    caddy = Caddy(tmp_path / "caddy", *ports, s3=s3.endpoint.removeprefix("http://"))
    url = f"https://localhost:{caddy.port}"
    settings = {"SECRET_KEY": "x" * 50, "AWS_S3_PUBLIC_ENDPOINT_URL": url}
    servers = [behind(url, tmp_path / str(port), port, postgres.env, s3.env, **settings) for port in ports]
    with ExitStack() as stack:
        for each in [*servers, caddy]:
            each.start()
            stack.callback(each.kill)
        context = ssl.create_default_context(cafile=str(caddy.authority))
        browser = stack.enter_context(httpx.Client(base_url=url, verify=context, timeout=60))
        browser.get("/api/conversations")
        said = browser.post(
            "/api/conversations/one/turns",
            files={"audio": (SPEECH / "learner_london.wav").read_bytes()},
            data={"reply": "false", "scenario": "travel"},
        )
        assert said.status_code == 200, said.text
        link = browser.get("/api/conversations/one").json()["conversation"]["messages"][0]["audioUrl"]
        assert link.startswith(f"{url}/{s3.env['S3_BUCKET_NAME']}/")
        assert len(httpx.get(link, verify=context).raise_for_status().content) > 1000
        for each in servers:
            each.kill()
            # Caddy has to notice it first.
            wait_for(lambda: browser.get("/api/conversations/one").status_code == 200, 30)
            each.start()


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
