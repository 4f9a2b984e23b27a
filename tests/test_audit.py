"""`make audit` tells findings from an advisory service that cannot be reached."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
VULNERABLE = "django"


class Advisories(http.server.BaseHTTPRequestHandler):
    """Answer as OSV and as npm's registry, with one vulnerability of VULNERABLE and of "left-pad"."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/-/npm/"):
            advisory = {"id": 1, "url": "http://127.0.0.1/1", "title": "A hole", "severity": "high"}
            # npm compresses what it asks, so it is not read here.
            answer: object = {"left-pad": [advisory | {"vulnerable_versions": "<2", "cwe": [], "cvss": {"score": 7}}]}
        else:
            affected = {"package": {"name": VULNERABLE, "ecosystem": "PyPI"}, "versions": ["5.2.19"]}
            hole = {"id": "HOLE-1", "summary": "A hole", "affected": [affected]}
            answer = {"vulns": [hole]} if json.loads(asked)["package"]["name"] == VULNERABLE else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def audit(folder: Path, service: str, python: str, node: str) -> subprocess.CompletedProcess[str]:
    """Audit one Python package and one Node package."""
    (folder / "requirements.txt").write_text(f"{python} --hash=sha256:{'0' * 64}\n")
    name, _, version = node.partition("==")
    (folder / "package.json").write_text(json.dumps({"name": "a", "version": "1.0.0", "dependencies": {name: version}}))
    root = {"name": "a", "version": "1.0.0", "dependencies": {name: version}}
    lock = {"lockfileVersion": 3, "packages": {"": root, f"node_modules/{name}": {"version": version}}}
    (folder / "package-lock.json").write_text(json.dumps(root | lock))
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PIP_AUDIT_OSV_URL": service,
        "npm_config_registry": service,
    }
    command = [sys.executable, "-m", "scripts.audit", str(folder / "requirements.txt"), str(folder)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_packages_without_findings_pass(service: str, tmp_path: Path) -> None:
    done = audit(tmp_path, service, "asgiref==3.13.0", "right-pad==1.0.0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "requirements.txt: no findings.\npackage-lock.json: no findings.\n"


def test_findings_are_named(service: str, tmp_path: Path) -> None:
    done = audit(tmp_path, service, f"{VULNERABLE}==5.2.19", "left-pad==1.0.0")
    assert (done.returncode, done.stderr) == (1, "")
    assert "  django 5.2.19: HOLE-1, fixed in no version\n" in done.stdout
    assert "  left-pad: high, http://127.0.0.1/1\n" in done.stdout


def test_an_unreachable_service_is_said_plainly(tmp_path: Path) -> None:
    done = audit(tmp_path, f"http://127.0.0.1:{free_port()}/", "asgiref==3.13.0", "right-pad==1.0.0")
    assert done.returncode == 3
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all("not audited, because the advisory service cannot be reached: " in line for line in lines)
