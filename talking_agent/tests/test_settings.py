import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from talking_agent.tests.processes import ROOT, give_away, manage, manage_as_others, run, setting

HTTPS = "https://talk.example.org"


# Readers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("TRUST_PROXY", "2"),
        ("PREEMPTIVE_REPLIES", "nope"),
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
    last = done.stderr.splitlines()[-1]
    assert f"ImproperlyConfigured: {name}: write " in last
    assert len(value) < 3 or f"={value}" not in last


@pytest.mark.parametrize(
    "name",
    [
        "APP_URL",
        "AUDIO_URL_EXPIRY",
        "DAILY_SPENDING_LIMIT",
        "DATABASE_TYPE",
        "DATABASE_URL",
        "DEBUG",
        "METRICS_ALLOW",
        "MONGODB_URI",
        "NEXT_PUBLIC_APP_URL",
        "PIPER_VOICE",
        "PORT",
        "PRICE_DATABASE",
        "PRICE_OPENAI",
        "TRUSTED_PROXIES",
        "TUTOR_ENGINE",
    ],
)
def test_an_error_names_the_file_and_the_line_and_shows_no_value(name: str, tmp_path: Path) -> None:
    file = env_file(tmp_path / "local", f"# A secret in the wrong line.\n\n{name}=hunter2\n")
    done = manage(tmp_path, "check", ENV_FILES=file)
    assert done.returncode != 0
    assert done.stderr.startswith(f"Not started. {name}: ")
    assert f"({file}, line 3)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_no_command_starts_with_such_a_value(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", PORT="http")
    assert done.returncode != 0
    assert done.stderr == "Not started. PORT: write a whole number from 1 to 65535.\n"


@pytest.mark.parametrize("name", ["WHISPER_MODEL", "PIPER_VOICE"])
def test_a_model_that_is_not_there_stops_the_start(name: str, tmp_path: Path) -> None:
    done = manage(tmp_path, "check", **{name: "/nowhere"})
    assert done.stderr == f"Not started. {name}: there is nothing at this path.\n"


@pytest.mark.parametrize("line", ["THIS IS RUBBISH", "PORT: 8322", "set PORT=8322"])
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
        # Not every address.
        ("HOST", "'127.0.0.1'"),
        ("PORT", "8000"),
        ("APP_URL", "'http://localhost:8000'"),
        ("PREEMPTIVE_REPLIES", "True"),
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


def test_a_setting_keeps_working_under_its_older_name(tmp_path: Path) -> None:
    assert setting("PREEMPTIVE_REPLIES", tmp_path, SPECULATE="off") == "False"
    assert setting("PREEMPTIVE_REPLIES", tmp_path, SPECULATE="off", PREEMPTIVE_REPLIES="on") == "True"


def test_dot_env_local_comes_before_dot_env(tmp_path: Path) -> None:
    code = tmp_path / "talking_agent"
    code.mkdir()
    # The settings find the files beside their own package. All other modules are those of the project.
    shutil.copy(ROOT / "talking_agent" / "settings.py", code)
    (code / "__init__.py").write_text(f"__path__.append({str(ROOT / 'talking_agent')!r})\n")
    env_file(tmp_path / ".env.local", "PORT=8001\n")
    env_file(tmp_path / ".env", "PORT=8002\nHOST=0.0.0.0\n")
    show = [sys.executable, "-c", "import talking_agent.settings as s; print(s.PORT, s.HOST)"]
    assert subprocess.check_output(show, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, text=True) == "8001 0.0.0.0\n"


def test_values_in_files_may_be_quoted(tmp_path: Path) -> None:
    files = env_file(tmp_path / "local", "# a comment\nexport SECRET_KEY='with spaces # and $x'\n")
    assert setting("SECRET_KEY", tmp_path, ENV_FILES=files) == "'with spaces # and $x'"


def test_a_file_of_settings_that_is_named_must_exist(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", ENV_FILES="/nowhere/.env")
    assert done.returncode != 0
    assert "ENV_FILES: there is no file /nowhere/.env." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_value_in_a_file_stops_the_start_too(tmp_path: Path) -> None:
    done = run("import talking_agent.settings", tmp_path, ENV_FILES=env_file(tmp_path / "local", "PORT=x\n"))
    assert "ImproperlyConfigured: PORT: write a whole number from 1 to 65535 (" in done.stderr
    assert "local, line 1)" in done.stderr


def test_a_password_in_an_address_that_cannot_be_used_is_not_shown(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", APP_URL="https://me:hunter2@talk.example.org/app")
    assert done.stderr.startswith("Not started. APP_URL: ")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "METRICS_TOKEN", "S3_BUCKET_NAME"])
def test_a_line_break_in_a_setting_is_named_and_the_value_is_not(name: str, tmp_path: Path) -> None:
    files = env_file(tmp_path / "local", f'# keys\n{name}="hunter2\\new"\n')
    done = manage(tmp_path, "check", ENV_FILES=files)
    assert done.stderr.startswith(f"Not started. {name}: it contains a line break")
    assert "local, line 2)" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "9" * 5000),
        ("WHISPER_MODEL", "~nobody-of-this-name/x"),
        ("PRICE_OPENAI", "x" * 5000),
        ("DATA_DIR", "~none/x"),
    ],
)
def test_no_invalid_value_shows_a_traceback(name: str, value: str, tmp_path: Path) -> None:
    done = manage(tmp_path, "check", **{name: value})
    assert done.stderr.startswith(f"Not started. {name}: ")
    assert "Traceback" not in done.stderr


def test_an_env_file_of_another_user_is_named(tmp_path: Path) -> None:
    file = env_file(tmp_path / "local", "PORT=8001\n")
    give_away(tmp_path / "local")
    done = manage_as_others(tmp_path / "data", "check", ENV_FILES=file)
    assert done.stderr == f"Not started. {file} cannot be read: Permission denied.\n"


# The data folder and the secret key


@pytest.mark.parametrize("path", ["/proc", "/proc/talk", "/dev/null", "/dev/null/talk"])
def test_a_data_folder_that_cannot_be_written_stops_the_start(path: str) -> None:
    done = run("import talking_agent.settings", path)
    assert done.returncode != 0
    assert "ImproperlyConfigured: DATA_DIR: it cannot be written: " in done.stderr
    assert "Name a folder that can be written." in done.stderr
    assert path not in done.stderr.splitlines()[-1]


def test_a_data_folder_is_private(tmp_path: Path) -> None:
    setting("DATA_DIR", tmp_path / "new" / "data")
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_a_secret_key_is_made_once(tmp_path: Path) -> None:
    first = setting("SECRET_KEY", tmp_path)
    assert len(first) > 60
    assert setting("SECRET_KEY", tmp_path) == first


def test_the_secret_key_file_is_private(tmp_path: Path) -> None:
    setting("SECRET_KEY", tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_secret_key_of_another_user_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("hunter2")
    give_away(tmp_path / "secret_key")
    done = manage_as_others(tmp_path, "serve")
    assert done.returncode != 0
    assert done.stderr.startswith(f"Not started. {tmp_path / 'secret_key'} cannot be read or made: Permission denied. ")
    assert done.stderr.count("\n") == 1


def test_an_empty_secret_key_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    assert manage(tmp_path, "check").stderr.startswith(f"Not started. {tmp_path / 'secret_key'} is empty.")


def test_a_given_secret_key_is_used_and_not_stored(tmp_path: Path) -> None:
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


def test_localhost_and_the_sites_own_host_are_allowed(tmp_path: Path) -> None:
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


def test_an_http_address_turns_safety_off(tmp_path: Path) -> None:
    assert setting(SAFETY, tmp_path, APP_URL="http://192.168.0.5:8000") == "(False, False, False, False)"


def test_a_proxys_headers_are_ignored_without_trust_proxy(tmp_path: Path) -> None:
    assert setting("SECURE_PROXY_SSL_HEADER", tmp_path, APP_URL=HTTPS) == "None"
    assert setting("SECURE_PROXY_SSL_HEADER[0]", tmp_path, TRUST_PROXY="on") == "'HTTP_X_FORWARDED_PROTO'"


ASK = """
import django
django.setup()
from django.test import Client
for path, secure in (("/", False), ("/readyz", False), ("/", True)):
    response = Client(headers={"host": "talk.example.org"}).get(path, secure=secure)
    print(response.status_code, response.get("Location"), response.get("Strict-Transport-Security"))
print(bool(response.cookies["learner"]["secure"]))
"""


def test_an_https_site_redirects_all_but_readyz_and_metrics(tmp_path: Path) -> None:
    """One process checks four facts: the redirect, its exception, HSTS, and the learner cookie."""
    done = run(ASK, tmp_path, APP_URL=HTTPS, DJANGO_SETTINGS_MODULE="talking_agent.settings", DEBUG="on")
    assert done.stdout.splitlines() == [
        "301 https://talk.example.org/ None",
        "503 None None",
        "200 None max-age=31536000",
        "True",
    ]


@pytest.mark.parametrize("address", ["http://localhost:8000", HTTPS])
def test_django_finds_nothing_wrong(address: str, tmp_path: Path) -> None:
    assert manage(tmp_path, "check", APP_URL=address).returncode == 0
