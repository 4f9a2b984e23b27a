"""If packages cannot be downloaded, `make run` names the failed step, the likely cause, and what to do."""

import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
CLOSED = f"http://127.0.0.1:{free_port()}/simple"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="There is no make.")


def make(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run make with a separate virtual environment, and only the given settings of uv and pip."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "UV_HTTP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(folder / "cache"),
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": os.devnull,
        **env,
    }
    command = ["make", f"VENV={folder / 'venv'}", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a virtual environment that has only uv."""
    uv = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed: the environment was not made by make.")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (tmp_path / "venv" / "bin" / "uv").symlink_to(uv)
    (tmp_path / "venv" / ".uv").touch()
    return tmp_path


@pytest.fixture(scope="module")
def without_uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder without a virtual environment. The first test creates one, and the others use it."""
    return tmp_path_factory.mktemp("without-uv")


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line that names the failed step."""
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(("Creating", "Installing"))]
    return line


def test_installing_uv_reports_an_unreachable_index(without_uv: Path) -> None:
    line = failure(make(without_uv, "setup", PIP_INDEX_URL=CLOSED))
    assert line.startswith("Installing uv failed: the package index cannot be reached.")
    assert "HTTPS_PROXY" in line


def test_installing_packages_reports_an_unreachable_index(folder: Path) -> None:
    line = failure(make(folder, "setup", UV_DEFAULT_INDEX=CLOSED))
    assert line.startswith(
        "Installing the packages of requirements-local.txt failed: the package index cannot be reached."
    )


def test_an_unreachable_proxy_is_reported(folder: Path) -> None:
    proxies = {"HTTPS_PROXY": CLOSED.removesuffix("/simple"), "ALL_PROXY": CLOSED.removesuffix("/simple")}
    line = failure(make(folder, "setup", UV_DEFAULT_INDEX="https://index.invalid/simple", **proxies))
    assert "the package index cannot be reached" in line


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a certificate, with its key, of an authority that no machine trusts."""
    make_certificate(tmp_path / "company.pem")
    return tmp_path / "company.pem"


@pytest.fixture
def index(certificate: Path) -> Iterator[str]:
    """Run an index with this certificate and no packages. Yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("step", ["Installing uv", "Installing the packages of requirements-local.txt"])
def test_an_untrusted_certificate_is_reported(step: str, folder: Path, without_uv: Path, index: str) -> None:
    folder = without_uv if step == "Installing uv" else folder
    line = failure(make(folder, "setup", UV_DEFAULT_INDEX=index, PIP_INDEX_URL=index))
    assert line.startswith(f"{step} failed: the certificate of the package index is not trusted")
    assert "SSL_CERT_FILE" in line


@pytest.mark.parametrize("step", ["Installing uv", "Installing the packages of requirements-local.txt"])
def test_the_certificates_of_the_machine_are_used(
    step: str, folder: Path, without_uv: Path, index: str, certificate: Path
) -> None:
    """SSL_CERT_FILE replaces the machine's own store. The run then fails because the index is empty."""
    folder = without_uv if step == "Installing uv" else folder
    line = failure(make(folder, "setup", UV_DEFAULT_INDEX=index, PIP_INDEX_URL=index, SSL_CERT_FILE=str(certificate)))
    assert line.startswith(f"{step} failed:")
    assert "certificate" not in line


def test_a_successful_step_prints_its_output() -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "step.sh"), "A step", "echo", "Done."], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Done.\n", "")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("error: Failed to write: No space left on device (os error 28)", "the disk is full"),
        ("Error: The virtual environment was not created … ensurepip is not available.", "this Python has no venv"),
        ("error: 407 Proxy Authentication Required", "the proxy asks for a name and a password"),
        ("HTTP status client error (401 Unauthorized) for url", "the package index refuses this user"),
        ("error: Hash mismatch for `django==5.2`", "a package is not the one that was pinned"),
        ("error: Permission denied (os error 13)", "a file may not be written"),
        ("something else", "see above"),
    ],
)
def test_a_failed_step_prints_its_cause_in_one_line(said: str, cause: str) -> None:
    command = ["sh", str(ROOT / "scripts" / "step.sh"), "A step", "sh", "-c", 'echo "$0" >&2; exit 3', said]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.splitlines()[0] == said
    assert done.stderr.splitlines()[1].startswith(f"A step failed: {cause}. ")
