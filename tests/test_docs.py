"""The documents name every setting, route, command and target."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import allauth.urls
import psycopg
import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from pymongo import MongoClient

from audio.s3 import S3AudioStorage
from core import database_urls
from talking_agent import health
from talking_agent.tests.processes import setting
from tests.servers import MongoServer, PostgresServer
from tests.setting_names import settings_read

ROOT = Path(__file__).resolve().parent.parent
API = ("/api/", "/v1/", "/healthz", "/readyz")


def read(*names: str) -> str:
    return "\n".join((ROOT / name).read_text() for name in names)


def routes(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Yield every address, with `*` for a variable part. Of the admin's addresses, yield only the first, of allauth's none."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.urlconf_name is allauth.urls:
            continue
        route = before + re.sub(r"<[^>]+>", "*", str(pattern.pattern))
        if isinstance(pattern, URLResolver) and pattern.namespace != "admin":
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern | URLResolver):
            yield route


def sockets() -> Iterator[str]:
    from talking_agent.asgi import application

    yield from routes(application.application_mapping["websocket"].routes)


def addresses_in(document: str) -> set[str]:
    """Return every address that a document writes as code, with `*` for a part in capitals (ID, KEY)."""
    prose = re.sub(r"^```.*?^```", "", document, flags=re.DOTALL | re.MULTILINE)
    code = " ".join(re.findall(r"`([^`]+)`", prose))
    return {re.sub(r"(?<=/)[A-Z]+(?=/|$)", "*", address) for address in re.findall(r"/[\w/.-]*", code)}


def commands() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("[a-z]*/management/commands/[a-z]*.py"))


def targets() -> list[str]:
    return re.findall(r"^([a-z]+):(?!=)", read("Makefile"), re.MULTILINE)


ALL_ROUTES = sorted({*routes(get_resolver().url_patterns), *sockets(), health.PATH})
CALLS = [route for route in ALL_ROUTES if route.startswith(API)]
PAGES = [route for route in ALL_ROUTES if not route.startswith(API)]


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_a_setting_is_in_the_example(name: str) -> None:
    assert re.search(rf"^#?{name}=", read(".env.example"), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_a_setting_is_in_the_operators_guide(name: str) -> None:
    assert f"`{name}`" in read("docs/operations.md")


def test_the_example_names_no_setting_that_nothing_reads() -> None:
    assert set(re.findall(r"^#?([A-Z_]+)=", read(".env.example"), re.MULTILINE)) <= settings_read()


@pytest.mark.parametrize("route", CALLS)
def test_a_call_is_in_the_api(route: str) -> None:
    assert route in addresses_in(read("docs/api.md"))


@pytest.mark.parametrize("route", [page for page in PAGES if page != "/"])
def test_a_page_is_in_the_documents(route: str) -> None:
    documents = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]
    assert route.partition("*")[0].rstrip("/") in addresses_in(read("README.md", *documents))


def test_the_first_page_is_in_the_readme() -> None:
    assert "http://localhost:8000" in read("README.md")


@pytest.mark.parametrize("name", commands())
def test_a_command_is_in_the_documents(name: str) -> None:
    assert f"manage.py {name}" in read("README.md", "docs/operations.md")


@pytest.mark.parametrize("name", targets())
def test_a_target_is_in_the_documents(name: str) -> None:
    assert re.search(rf"\bmake {name}\b", read("README.md", "docs/operations.md"))


def block(document: str, language: str) -> str:
    """Return the first block of code in this language."""
    found = re.search(rf"^```{language}\n(.*?)^```", read(document), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def address(variable: str) -> str:
    """Return the first value that the document of databases and buckets gives for this variable."""
    found = re.search(rf"^{variable}=(\S+)$", read("docs/operations/stores.md"), re.MULTILINE)
    assert found
    return found[1]


def test_the_documented_role_and_database_can_be_used(own_postgres: PostgresServer) -> None:
    own_postgres.execute("DROP DATABASE talking_agent", database="postgres")
    for statement in filter(str.strip, block("docs/operations/stores.md", "sql").split(";\n")):
        own_postgres.execute(statement, database="postgres")
    url = address("DATABASE_URL").replace("db.example.org:5432", f"127.0.0.1:{own_postgres.port}")
    assert database_urls.postgresql(url)["NAME"] == "talking_agent"
    # The server of the tests has no certificate.
    with psycopg.connect(url.replace("sslmode=require", "sslmode=prefer")) as connection:
        connection.execute("CREATE TABLE words (word text)")


def test_the_documented_mongodb_user_can_be_used(own_mongo: MongoServer) -> None:
    name, user = re.findall(r"^(?:use (\w+)|db\.createUser\((.*)\))$", block("docs/operations/stores.md", "js"), re.M)
    asked = json.loads(re.sub(r"(\w+):", r'"\1":', user[1]))
    database = own_mongo.client[name[0]]
    database.command("createUser", asked.pop("user"), **asked)
    uri = address("MONGODB_URI").replace("db.example.org:27017", f"127.0.0.1:{own_mongo.port}")
    assert database_urls.mongodb(uri)["NAME"] == name[0]

    try:
        own = MongoClient[dict[str, Any]](uri, directConnection=True, serverSelectionTimeoutMS=60_000)
        with own as client:
            client[name[0]]["words"].insert_one({"word": "train"})
    finally:
        database.command("dropUser", "talking_agent")


# Recipes

MAKERS = ("Supabase", "Neon", "Cloudflare R2", "Backblaze B2", "MinIO")


def recipe(maker: str) -> dict[str, str]:
    """Return the settings that the document gives for one maker."""
    found = re.search(
        rf"^\*\*{maker}\.\*\*(.*?)(?=^\*\*|^## )", read("docs/operations/stores.md"), re.DOTALL | re.MULTILINE
    )
    assert found, maker
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE))
    return dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.+)$", blocks, re.MULTILINE))


@pytest.mark.parametrize("maker", MAKERS)
def test_a_recipe_can_be_used_unchanged(maker: str, tmp_path: Path) -> None:
    written = recipe(maker)
    lines = [f"{name}={value}\n" for name, value in written.items()]
    (tmp_path / "env").write_text("".join(["USE_CLOUD_STORAGE=true\n", "S3_BUCKET_NAME=talking-agent\n", *lines]))
    shown = 'DATABASES["default"]' if "DATABASE_URL" in written else 'STORAGES["audio_cloud"]["OPTIONS"]'
    loaded = ast.literal_eval(setting(shown, tmp_path / "data", ENV_FILES=str(tmp_path / "env")))
    if "DATABASE_URL" in written:
        url = urlsplit(written["DATABASE_URL"])
        assert (loaded["HOST"].lower(), int(loaded["PORT"] or 5432)) == (url.hostname, url.port or 5432)
        assert (loaded["USER"], loaded["NAME"]) == (url.username, url.path.strip("/"))
        assert loaded["OPTIONS"].items() >= dict(parse_qsl(url.query)).items()
        return
    for option, name in (("access_key", "AWS_ACCESS_KEY_ID"), ("secret_key", "AWS_SECRET_ACCESS_KEY")):
        assert loaded[option] == written.get(name)
        loaded[option] = "given-by-the-maker"
    link = urlsplit(S3AudioStorage(**loaded).url("audio/one.webm"))
    server = urlsplit(written["AWS_S3_ENDPOINT_URL"])
    assert link.scheme == server.scheme == "https"
    assert (link.hostname or "").endswith(server.hostname or "?")
    signer = parse_qs(link.query)["X-Amz-Credential"][0].split("/")
    assert signer[2] == written.get("AWS_REGION", "us-east-1")


def nginx_table() -> list[str]:
    """Return the first column of the table under "nginx"."""
    chapter = read("docs/operations/deploy.md").partition("## nginx\n")[2].partition("\n## ")[0]
    return [row.split(" | ")[0] for row in re.findall(r"^\| (`.*)$", chapter, re.MULTILINE)]


def test_the_table_about_nginx_explains_each_directive_of_the_site() -> None:
    site = re.sub(r"#.*", "", read("deploy/nginx.conf"))
    directives = {" ".join(each.split()) for each in re.findall(r"^\s*(\w[^;{}]*);", site, re.MULTILINE)}
    # Skip the directives that every site has, because they need no explanation.
    explained = {each for each in directives if not re.match(r"listen|server_name|return|ssl_|proxy_pass ", each)}
    in_table = {
        code if code.startswith(("proxy_", "client_")) else f"proxy_set_header {code}"
        for first in nginx_table()
        for code in re.findall(r"`([^`]+)`", first)
    }
    in_table = {"proxy_set_header Upgrade $http_upgrade" if each.endswith(" Upgrade") else each for each in in_table}
    assert in_table == explained


def test_the_guide_says_where_large_bodies_wait() -> None:
    rights = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", read("docs/operations/deploy.md"), re.MULTILINE))
    assert settings.FILE_UPLOAD_TEMP_DIR == settings.DATA_DIR
    assert f"Bodies of more than {settings.FILE_UPLOAD_MAX_MEMORY_SIZE // 1024} KB wait here" in rights["DATA_DIR"]
    assert "MB" not in rights["/tmp"]


def links(document: Path) -> Iterator[str]:
    prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    return (each for each in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in each)


DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_link_has_a_target(document: Path) -> None:
    for link in links(document):
        path, _, heading = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, link


def test_known_settings_routes_and_commands_are_found() -> None:
    """Without known names, the other tests would check nothing."""
    assert {"DATA_DIR", "PORT", "DEBUG", "APP_URL", "TUTOR_ENGINE", "ENV_FILES"} <= settings_read()
    assert {"/api/conversations/*/restore", "/api/audio/file/*", "/v1/realtime", "/healthz"} <= set(CALLS)
    assert {"/history", "/admin/"} <= set(PAGES)
    assert {"migrate", "serve"} <= set(commands())
    assert {"run", "test", "check"} <= set(targets())
