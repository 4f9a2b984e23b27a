import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from talking_agent.tests.processes import ROOT, manage, run, setting

HTTPS = "https://talk.example.org"


# Readers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("TRUST_PROXY", "2"),
        ("SPECULATE", "nope"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("PORT", "-1"),
        ("PORT", "٨٠"),
        ("PORT", "http"),
        ("AUDIO_URL_EXPIRY", "0"),
        ("AUDIO_URL_EXPIRY", "1h"),
        ("TUTOR_ENGINE", "Local"),
        ("TUTOR_ENGINE", "remote"),
        ("APP_URL", "talk.example.org"),
        ("APP_URL", "ftp://talk.example.org"),
        ("APP_URL", "https://"),
        ("APP_URL", "https://talk.example.org/app"),
        ("APP_URL", "https://talk.example.org?x"),
        ("APP_URL", "https://talk.example.org#x"),
        ("APP_URL", "https://me@talk.example.org"),
        ("APP_URL", "https://talk.example.org:99999"),
        ("APP_URL", "https://[talk"),
    ],
)
def test_a_value_that_cannot_be_read_stops_the_start_with_its_name(name: str, value: str, tmp_path: Path) -> None:
    done = run("import talking_agent.settings", tmp_path, **{name: value})
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name}={value!r}: write " in done.stderr


def test_no_command_starts_with_such_a_value(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", PORT="http")
    assert done.returncode != 0
    assert done.stderr == "Not started. PORT='http': write a whole number from 1 to 65535.\n"


@pytest.mark.parametrize("name", ["WHISPER_MODEL", "PIPER_VOICE"])
def test_a_model_that_is_not_there_stops_the_start(name: str, tmp_path: Path) -> None:
    done = manage(tmp_path, "check", **{name: "/nowhere"})
    assert done.stderr == f"Not started. {name}='/nowhere': there is nothing at this path.\n"


@pytest.mark.parametrize("line", ["THIS IS RUBBISH", "PORT = 8322", "PORT: 8322"])
def test_a_line_of_a_file_that_cannot_be_understood_is_named(line: str, tmp_path: Path) -> None:
    file = env_file(tmp_path / "local", f"# A comment\n\n{line}\n")
    done = manage(tmp_path, "check", ENV_FILES=file)
    assert done.returncode != 0
    assert f"{file}, line 3: " in done.stderr


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1", True),
        ("true", True),
        ("Yes", True),
        (" on ", True),
        ("0", False),
        ("FALSE", False),
        ("off", False),
        ("", False),
    ],
)
def test_a_flag_may_be_written_in_many_ways(value: str, meant: bool, tmp_path: Path) -> None:
    assert setting("DEBUG", tmp_path, DEBUG=value) == str(meant)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("HOST", "'127.0.0.1'"),  # and not every address
        ("PORT", "8000"),
        ("APP_URL", "'http://localhost:8000'"),
        ("SPECULATE", "True"),
        ("TUTOR_ENGINE", "'auto'"),
        ("AUDIO_URL_EXPIRY", "3600"),
    ],
)
def test_an_empty_value_means_the_default(name: str, default: str, tmp_path: Path) -> None:
    assert setting(name, tmp_path, **{name: ""}) == default


def test_debug_is_off_unless_set(tmp_path: Path) -> None:
    assert setting("DEBUG", tmp_path) == "False"


def test_the_sites_address_follows_the_port(tmp_path: Path) -> None:
    assert setting("APP_URL", tmp_path, PORT="8123") == "'http://localhost:8123'"


def test_a_value_may_begin_with_a_dollar(tmp_path: Path) -> None:
    assert setting("SECRET_KEY", tmp_path, SECRET_KEY="$HOME/x") == "'$HOME/x'"


# Files


def env_file(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_the_first_file_to_name_a_setting_wins(tmp_path: Path) -> None:
    files = [env_file(tmp_path / "local", "PORT=8001\n"), env_file(tmp_path / "env", "PORT=8002\nHOST=0.0.0.0\n")]
    assert setting("PORT, HOST", tmp_path, ENV_FILES=" ".join(files)) == "(8001, '0.0.0.0')"


def test_the_environment_wins_over_the_files(tmp_path: Path) -> None:
    files = env_file(tmp_path / "local", "PORT=8001\n")
    assert setting("PORT", tmp_path, ENV_FILES=files, PORT="8003") == "8003"


def test_dot_env_local_comes_before_dot_env(tmp_path: Path) -> None:
    code = tmp_path / "talking_agent"
    code.mkdir()
    for module in ("settings.py", "dsn.py"):
        shutil.copy(ROOT / "talking_agent" / module, code)
    env_file(tmp_path / ".env.local", "PORT=8001\n")
    env_file(tmp_path / ".env", "PORT=8002\nHOST=0.0.0.0\n")
    show = [sys.executable, "-c", "import talking_agent.settings as s; print(s.PORT, s.HOST)"]
    assert subprocess.check_output(show, cwd=tmp_path, env={}, text=True) == "8001 0.0.0.0\n"


def test_values_in_files_may_be_quoted(tmp_path: Path) -> None:
    files = env_file(tmp_path / "local", "# a comment\nexport SECRET_KEY='with spaces # and $x'\n")
    assert setting("SECRET_KEY", tmp_path, ENV_FILES=files) == "'with spaces # and $x'"


def test_a_file_that_is_not_there_is_nothing_to_complain_of(tmp_path: Path) -> None:
    assert setting("PORT", tmp_path, ENV_FILES="/nowhere/.env") == "8000"


def test_a_bad_value_in_a_file_stops_the_start_too(tmp_path: Path) -> None:
    done = run("import talking_agent.settings", tmp_path, ENV_FILES=env_file(tmp_path / "local", "PORT=x\n"))
    assert "ImproperlyConfigured: PORT='x'" in done.stderr


# The data folder and the secret key


@pytest.mark.parametrize("path", ["/proc", "/proc/talk", "/dev/null", "/dev/null/talk"])
def test_a_data_folder_that_cannot_be_written_stops_the_start(path: str) -> None:
    done = run("import talking_agent.settings", path)
    assert done.returncode != 0
    assert f"ImproperlyConfigured: DATA_DIR={path}: " in done.stderr
    assert "Name a folder that can be written." in done.stderr


def test_a_data_folder_is_made_for_the_server_alone(tmp_path: Path) -> None:
    setting("DATA_DIR", tmp_path / "new" / "data")
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_a_secret_key_is_made_once(tmp_path: Path) -> None:
    first = setting("SECRET_KEY", tmp_path)
    assert len(first) > 60
    assert setting("SECRET_KEY", tmp_path) == first


def test_the_secret_key_is_the_servers_alone(tmp_path: Path) -> None:
    setting("SECRET_KEY", tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_given_secret_key_is_taken_and_not_kept(tmp_path: Path) -> None:
    assert setting("SECRET_KEY", tmp_path, SECRET_KEY="given") == "'given'"
    assert not (tmp_path / "secret_key").exists()


def test_processes_that_start_at_once_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: setting("SECRET_KEY", tmp_path), range(8)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_two_folders_have_two_secret_keys(tmp_path: Path) -> None:
    assert setting("SECRET_KEY", tmp_path / "a") != setting("SECRET_KEY", tmp_path / "b")


# Hosts and HTTPS


def test_this_machine_and_the_sites_own_name_are_answered_to(tmp_path: Path) -> None:
    hosts = setting("ALLOWED_HOSTS", tmp_path, APP_URL=HTTPS)
    assert hosts == "['talk.example.org', 'localhost', '127.0.0.1', '[::1]']"


@pytest.mark.parametrize("written", ["a.example b.example", "a.example,b.example", "a.example, b.example"])
def test_more_hosts_can_be_named(written: str, tmp_path: Path) -> None:
    assert setting("ALLOWED_HOSTS[-2:]", tmp_path, ALLOWED_HOSTS=written) == "['a.example', 'b.example']"


SAFETY = "SECURE_SSL_REDIRECT, SECURE_HSTS_SECONDS > 0, SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE"


@pytest.mark.parametrize("address", [HTTPS, f"{HTTPS}/", "HTTPS://Talk.Example.org"])
def test_an_https_address_turns_safety_on(address: str, tmp_path: Path) -> None:
    assert setting(SAFETY, tmp_path, APP_URL=address) == "(True, True, True, True)"
    assert setting("CSRF_TRUSTED_ORIGINS", tmp_path, APP_URL=address) == f"['{HTTPS}']"


def test_a_plain_address_works_without(tmp_path: Path) -> None:
    assert setting(SAFETY, tmp_path, APP_URL="http://192.168.0.5:8000") == "(False, False, False, False)"


def test_the_proxys_word_is_not_taken_unless_told(tmp_path: Path) -> None:
    assert setting("SECURE_PROXY_SSL_HEADER", tmp_path, APP_URL=HTTPS) == "None"
    assert setting("SECURE_PROXY_SSL_HEADER[0]", tmp_path, TRUST_PROXY="on") == "'HTTP_X_FORWARDED_PROTO'"


ASK = """
import django
django.setup()
from django.test import Client
for path, secure in (("/", False), ("/healthz", False), ("/", True)):
    response = Client(headers={"host": "talk.example.org"}).get(path, secure=secure)
    print(response.status_code, response.get("Location"), response.get("Strict-Transport-Security"))
print(bool(response.cookies["learner"]["secure"]))
"""


def test_an_https_site_redirects_all_but_what_machines_ask(tmp_path: Path) -> None:
    """One process for four facts: the redirect, its exception, HSTS, and the learner cookie."""
    done = run(ASK, tmp_path, APP_URL=HTTPS, DJANGO_SETTINGS_MODULE="talking_agent.settings", DEBUG="on")
    assert done.stdout.splitlines() == [
        "301 https://talk.example.org/ None",
        "200 None None",
        "200 None max-age=31536000",
        "True",
    ]


@pytest.mark.parametrize("address", ["http://localhost:8000", HTTPS])
def test_django_finds_nothing_wrong(address: str, tmp_path: Path) -> None:
    assert manage(tmp_path, "check", APP_URL=address).returncode == 0
