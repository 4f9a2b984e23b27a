import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import database_urls
from talking_agent.tests.processes import ROOT, environment, manage, run, setting

SECRET = "hunter2"
GUIDE_POSTGRESQL = "postgresql://username:password@localhost:5432/english_talking_agent"
GUIDE_MONGODB = "mongodb://localhost:27017/english-talking-agent"
GUIDE_ATLAS = "mongodb+srv://user:password@cluster.mongodb.net/english-talking-agent"


def entry(url: str) -> dict[str, Any]:
    """Return the settings that Django connects with."""
    found = database_urls.postgresql(url)
    return {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}


# PostgreSQL


@pytest.mark.parametrize(
    "url", [GUIDE_POSTGRESQL, f"{GUIDE_POSTGRESQL}?schema=public", GUIDE_POSTGRESQL.replace("ql", "")]
)
def test_postgresql_as_the_guide_spells_it(url: str) -> None:
    assert entry(url) == {
        "NAME": "english_talking_agent",
        "USER": "username",
        "PASSWORD": "password",
        "HOST": "localhost",
        "PORT": "5432",
    }


def test_omitted_parts_are_left_to_libpq() -> None:
    assert entry("postgresql://localhost/talk") == {
        "NAME": "talk",
        "USER": "",
        "PASSWORD": "",
        "HOST": "localhost",
        "PORT": "",
    }


def test_a_socket_may_be_named() -> None:
    assert entry("postgresql:///talk?host=/run/postgresql")["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    "parameter",
    [
        *("schema=public", "pgbouncer=true", "connection_limit=5", "pool_timeout=10", "socket_timeout=3"),
        *("statement_cache_size=0", "sslaccept=strict", "sslidentity=x", "sslpassword=y"),
    ],
)
def test_parameters_of_prisma_are_dropped(parameter: str) -> None:
    plain, with_it = (
        database_urls.postgresql(GUIDE_POSTGRESQL),
        database_urls.postgresql(f"{GUIDE_POSTGRESQL}?{parameter}"),
    )
    assert with_it == plain


def test_parameters_of_libpq_stay() -> None:
    options = database_urls.postgresql(f"{GUIDE_POSTGRESQL}?schema=public&sslmode=require&keepalives_idle=7")["OPTIONS"]
    assert (options["sslmode"], options["keepalives_idle"]) == ("require", "7")


@pytest.mark.parametrize("seconds", ["60", "0", "-1", "3", "1.5", "soon"])
def test_a_longer_connect_timeout_is_replaced_and_noted(seconds: str) -> None:
    found = database_urls.postgresql(f"{GUIDE_POSTGRESQL}?connect_timeout={seconds}")
    assert found["OPTIONS"]["connect_timeout"] == 2
    assert found["REPLACED"] == ["connect_timeout"]


@pytest.mark.parametrize("query", ["", "?connect_timeout=2", "?connect_timeout=1"])
def test_a_url_without_replaced_parameters_has_no_note(query: str) -> None:
    assert database_urls.postgresql(GUIDE_POSTGRESQL + query)["REPLACED"] == []


@pytest.mark.parametrize(
    "parameter", ["supa", "sslmod", "uselibpqcompat", "statement_timeout", "serverSelectionTimeoutMS"]
)
def test_a_parameter_that_libpq_does_not_know_is_named_without_its_value(parameter: str) -> None:
    with pytest.raises(ValueError, match=f"{parameter} after the \\? is no parameter that it knows") as raised:
        database_urls.postgresql(f"{GUIDE_POSTGRESQL}?sslmode=require&{parameter}=hunter2")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        ("talk", '-c search_path="talk"'),
        # Prisma keeps capitals.
        ("MyApp", '-c search_path="MyApp"'),
        ("my%20app", '-c search_path="my\\ app"'),
    ],
)
def test_another_schema_becomes_the_search_path(schema: str, options: str) -> None:
    assert database_urls.postgresql(f"{GUIDE_POSTGRESQL}?schema={schema}")["OPTIONS"]["options"] == options


def test_given_options_stay_beside_the_schema() -> None:
    options = database_urls.postgresql(f"{GUIDE_POSTGRESQL}?options=-c%20geqo=off&schema=talk")["OPTIONS"]["options"]
    assert options == '-c geqo=off -c search_path="talk"'


@pytest.mark.parametrize(
    ("written", "meant"),
    [("p%40ss%23w%2Frd%3F", "p@ss#w/rd?"), ("p:ss", "p:ss"), ("p%25", "p%"), ("sesam!*()", "sesam!*()")],
)
def test_a_password_in_percent_encoding_is_read(written: str, meant: str) -> None:
    assert entry(f"postgresql://user:{written}@localhost:5432/talk")["PASSWORD"] == meant


@pytest.mark.parametrize("character", ["@", "#", "/", "?", "%", "[", "]", " ", "\u2100", "%zz", "%00"])
@pytest.mark.parametrize("before", ["", "1", "x"])
@pytest.mark.parametrize("read", [database_urls.postgresql, database_urls.mongodb])
def test_an_unencoded_password_is_in_no_error(read: Any, before: str, character: str) -> None:
    scheme = "postgresql" if read is database_urls.postgresql else "mongodb"
    told, found = "", {"PASSWORD": SECRET, "HOST": "", "NAME": "talk"}
    try:
        found = read(f"{scheme}://user:{before}{character}{SECRET}@localhost:5432/talk")
    except ValueError as error:
        told = f"{error} {error.__cause__}"
    assert SECRET not in told
    # If libpq accepts the address, the result must be the intended one.
    assert SECRET in found.get("PASSWORD", found["HOST"])
    assert found["NAME"] == "talk"


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("mysql://user:hunter2@localhost/talk", "write postgresql://"),
        ("localhost:5432/talk", "write postgresql://"),
        ("postgresql://user:hunter2@localhost:5432", "name the database"),
        ("postgresql://user:hunter2@localhost:5432/", "name the database"),
        (f"postgresql://user:hunter2@localhost:5432/{'x' * 64}", "name the database"),
        ("postgresql://user:hun@ter2@localhost/talk", "percent-encoding"),
        ("postgresql://user:hunter2@localhost:port/talk", "host or port"),
        ("postgresql://user:1?hunter2=x@localhost:5432/talk", "percent-encoding"),
        ("postgresql://user:hunter2@localhost/talk?unknown=hunter2", "libpq cannot read it"),
    ],
)
def test_an_invalid_url_is_reported_with_advice(url: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice) as raised:
        database_urls.postgresql(url)
    assert SECRET not in str(raised.value)


# MongoDB


@pytest.mark.parametrize("uri", [GUIDE_MONGODB, GUIDE_ATLAS, f"{GUIDE_ATLAS}?retryWrites=true&w=majority"])
def test_mongodb_as_the_guide_spells_it(uri: str) -> None:
    found = database_urls.mongodb(uri)
    assert (found["HOST"], found["NAME"]) == (uri, "english-talking-agent")


def test_a_database_that_is_not_named_has_the_guides_name() -> None:
    assert database_urls.mongodb("mongodb://localhost:27017")["NAME"] == "english-talking-agent"


def test_waits_are_shorter_than_the_drivers_defaults() -> None:
    options = database_urls.mongodb(GUIDE_MONGODB)["OPTIONS"]
    assert options["serverSelectionTimeoutMS"] == options["connectTimeoutMS"] == 2000


@pytest.mark.parametrize("name", ["serverSelectionTimeoutMS", "connectTimeoutMS", "heartbeatFrequencyMS"])
def test_longer_waits_of_the_uri_are_replaced_and_noted(name: str) -> None:
    found = database_urls.mongodb(f"{GUIDE_MONGODB}?{name.lower()}=60000")
    assert found["OPTIONS"] == database_urls.mongodb(GUIDE_MONGODB)["OPTIONS"]
    assert found["REPLACED"] == [name]


@pytest.mark.parametrize(
    ("query", "option", "value"),
    [
        ("w=0", "w", "majority"),
        ("w=1", "w", "majority"),
        ("j=false", "journal", True),
        ("journal=false", "journal", True),
        ("readPreference=secondary", "readPreference", "primary"),
    ],
)
def test_acknowledged_writes_are_durable_whatever_the_uri_says(query: str, option: str, value: Any) -> None:
    found = database_urls.mongodb(f"{GUIDE_MONGODB}?{query}")
    assert found["OPTIONS"][option] == value
    assert found["REPLACED"] == [option]


@pytest.mark.parametrize("query", ["w=majority", "j=true&journal=true", "readPreference=primary", "retryWrites=false"])
def test_harmless_parameters_stay(query: str) -> None:
    found = database_urls.mongodb(f"{GUIDE_MONGODB}?{query}")
    assert (found["OPTIONS"], found["REPLACED"]) == (database_urls.mongodb(GUIDE_MONGODB)["OPTIONS"], [])


@pytest.mark.parametrize(
    "uri",
    [
        "localhost:27017/talk",
        "postgresql://user:hunter2@localhost/talk",
        "mongodb://",
        "mongodb://user:hun@ter2@localhost/talk",
    ],
)
def test_an_invalid_mongodb_uri_is_reported_without_the_secret(uri: str) -> None:
    with pytest.raises(ValueError, match=r"write mongodb://|cannot be read") as raised:
        database_urls.mongodb(uri)
    assert SECRET not in str(raised.value)


# In settings

CLOUD = 'CLOUD_DATABASE, DATABASES["default"]["ENGINE"], sorted(DATABASES)'


def test_the_setting_is_named_and_no_secret_is_shown(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", DATABASE_URL="postgresql://user:1/hunter2@localhost:5432/talk")
    assert done.returncode != 0
    assert done.stderr.startswith("Not started. DATABASE_URL: ")
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"DATABASE_URL": f"{GUIDE_POSTGRESQL}?connect_timeout=60"}, "DATABASE_URL: connect_timeout is set there"),
        ({"MONGODB_URI": f"{GUIDE_MONGODB}?w=0"}, "MONGODB_URI: w is set there"),
    ],
)
def test_replaced_parameters_are_reported_at_the_start(env: dict[str, str], told: str, tmp_path: Path) -> None:
    assert told in manage(tmp_path, "check", **env).stderr


@pytest.mark.parametrize("where", ["file", "environment"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (f'"{GUIDE_POSTGRESQL}?schema=public"', "english_talking_agent"),
        (f"'{GUIDE_POSTGRESQL}'  # the accounts", "english_talking_agent"),
        (f"{GUIDE_POSTGRESQL} # or another", "english_talking_agent"),
        ('"postgresql://user:a%23b@localhost/talk" # a quoted one', "talk"),
    ],
)
def test_quotes_and_comments_are_removed(where: str, written: str, meant: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": written}
    if where == "file":
        (tmp_path / "env").write_text(f"DATABASE_URL={written}\n")
        env = {"ENV_FILES": str(tmp_path / "env")}
    assert setting('DATABASES["default"]["NAME"]', tmp_path / "data", **env) == repr(meant)


GUIDE_FILE = f"""\
# AWS S3 Configuration
AWS_ACCESS_KEY_ID=your_aws_access_key_id
AWS_SECRET_ACCESS_KEY=your_aws_secret_access_key
AWS_REGION=us-east-1
S3_BUCKET_NAME=your-english-app-bucket

# Option 1: MongoDB
MONGODB_URI={GUIDE_MONGODB}

# Option 2: PostgreSQL
DATABASE_URL="{GUIDE_POSTGRESQL}?schema=public"

# Feature Flags
NEXT_PUBLIC_USE_CLOUD_STORAGE=true
DATABASE_TYPE=mongodb # or postgresql
"""


def test_the_guides_file_is_understood_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(GUIDE_FILE)
    found = setting(f"{CLOUD}, CLOUD_AUDIO, S3_BUCKET_NAME", tmp_path / "data", ENV_FILES=str(tmp_path / "env"))
    assert found == str(
        ("mongodb", "core.postgresql", ["default", "local", "mongodb"], True, "your-english-app-bucket")
    )


@pytest.mark.parametrize("name", ["USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE"])
def test_the_cloud_is_turned_on_by_either_spelling(name: str, tmp_path: Path) -> None:
    assert setting("CLOUD_DATABASE", tmp_path, DATABASE_URL=GUIDE_POSTGRESQL, **{name: "true"}) == "'default'"


def test_the_newer_spelling_decides(tmp_path: Path) -> None:
    env = {"USE_CLOUD_STORAGE": "false", "NEXT_PUBLIC_USE_CLOUD_STORAGE": "true", "DATABASE_URL": GUIDE_POSTGRESQL}
    assert setting("CLOUD_DATABASE", tmp_path, **env) == "''"


def test_the_sites_address_may_have_the_older_spelling(tmp_path: Path) -> None:
    address = "https://talk.example.org"
    assert setting("APP_URL", tmp_path, NEXT_PUBLIC_APP_URL=address) == repr(address)


BOTH = {"DATABASE_URL": GUIDE_POSTGRESQL, "MONGODB_URI": GUIDE_MONGODB}


@pytest.mark.parametrize(
    ("env", "alias"),
    [
        ({"DATABASE_URL": GUIDE_POSTGRESQL}, "default"),
        ({"MONGODB_URI": GUIDE_MONGODB}, "mongodb"),
        (BOTH, ""),
        ({**BOTH, "DATABASE_TYPE": "mongodb"}, "mongodb"),
        ({**BOTH, "DATABASE_TYPE": "postgresql"}, "default"),
        ({"DATABASE_URL": GUIDE_POSTGRESQL, "DATABASE_TYPE": "mongodb"}, ""),
        ({}, ""),
    ],
)
def test_database_type_decides_and_otherwise_the_one_that_is_there(
    env: dict[str, str], alias: str, tmp_path: Path
) -> None:
    assert setting("CLOUD_DATABASE", tmp_path, USE_CLOUD_STORAGE="true", **env) == repr(alias)


def test_with_the_cloud_off_no_database_has_conversations(tmp_path: Path) -> None:
    assert setting("CLOUD_DATABASE, CLOUD_AUDIO", tmp_path, **BOTH, S3_BUCKET_NAME="x") == "('', False)"


def test_an_unknown_database_type_stops_the_start(tmp_path: Path) -> None:
    done = run("import talking_agent.settings", tmp_path, DATABASE_TYPE="mysql")
    assert "DATABASE_TYPE: write one of" in done.stderr


def test_without_a_cloud_no_driver_is_loaded(tmp_path: Path) -> None:
    code = "import sys, talking_agent.settings; print({'psycopg', 'pymongo', 'boto3'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.check_output(command, cwd=ROOT, env=environment(tmp_path), text=True)
    assert done == f"set(){os.linesep}"
