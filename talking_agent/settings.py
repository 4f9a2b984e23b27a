"""Every setting, read once, from the environment, then `.env.local`, then `.env` (the first to name it wins).

A value that cannot be read stops the start with its name and what is wrong with it. `.env.example` explains each.
"""

import io
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from talking_agent import dsn

BASE_DIR = Path(__file__).resolve().parent.parent


FROM_FILES: set[str] = set()  # the names whose values have lost their quotes and comments already


def read_env_file(path: Path) -> None:
    """What the environment does not name yet. Raises ImproperlyConfigured where a line cannot be understood."""
    lines, before = [], set(os.environ)
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        found = re.match(r"\s*((?:export\s+)?[A-Za-z_][\w.]*=)(.*)|\s*(#|$)", line)
        if not found:
            raise ImproperlyConfigured(f"{path}, line {number}: write NAME=value, with no space around the = sign.")
        lines.append(f"{found[1]}{uncommented(found[2])}" if found[1] else "")
    environ.Env.read_env(io.StringIO("\n".join(lines)))
    FROM_FILES.update(set(os.environ) - before)


def uncommented(value: str) -> str:
    quoted = re.fullmatch(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*(?:#.*)?""", value)
    return quoted[1] if quoted else re.split(r"\s#|^#", value, maxsplit=1)[0].strip()


for name in os.environ.get("ENV_FILES", ".env.local .env").split():
    if (BASE_DIR / name).is_file():
        read_env_file(BASE_DIR / name)

# onnxruntime would keep a diary under ~/.cache and send it to Microsoft; what a learner does here stays here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def text(name: str, default: str = "") -> str:
    # Not `Env.str`: it takes a value that begins with "$" for the name of another variable.
    value = os.environ.get(name, "").strip()
    if name not in FROM_FILES:  # Docker's --env-file, for one, leaves quotes and comments where they are
        value = uncommented(value)
        if len(value) > 1 and value[0] == value[-1] in "\"'":
            value = value[1:-1]
    return value or default


def flag(name: str, default: bool) -> bool:
    value = text(name, "on" if default else "off").lower()
    if value in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return value in ("1", "true", "yes", "on")
    raise ImproperlyConfigured(f"{name}={value!r}: write on or off.")


def number(name: str, default: int, *, low: int, high: int) -> int:
    value = text(name, str(default))
    if value.isascii() and value.isdigit() and low <= int(value) <= high:
        return int(value)
    raise ImproperlyConfigured(f"{name}={value!r}: write a whole number from {low} to {high}.")


def price(name: str, default: float) -> float:
    value = text(name, str(default))
    if re.fullmatch(r"\d{1,6}(\.\d+)?", value, re.ASCII):
        return float(value)
    raise ImproperlyConfigured(f"{name}={value!r}: write an amount in dollars such as {default}.")


def price_range(name: str, default: str) -> tuple[float, float]:
    value = text(name, default)
    if found := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(?:\s*-\s*(\d{1,6}(?:\.\d+)?))?", value, re.ASCII):
        return float(found[1]), max(float(found[1]), float(found[2] or found[1]))
    raise ImproperlyConfigured(f"{name}={value!r}: write an amount in dollars, or from and to: {default}.")


def one_of(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = text(name, default)
    if value in choices:
        return value
    raise ImproperlyConfigured(f"{name}={value!r}: write one of {', '.join(choices)}.")


def existing_path(name: str) -> str:
    value = text(name)
    if value and not Path(value).expanduser().exists():
        raise ImproperlyConfigured(f"{name}={value!r}: there is nothing at this path.")
    return str(Path(value).expanduser()) if value else ""


def origin(name: str, default: str) -> str:
    value = text(name, default)
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if valid and not (parts.path.strip("/") or parts.query or parts.fragment or parts.username):
        return f"{parts.scheme}://{parts.netloc.lower()}"  # as browsers write it
    raise ImproperlyConfigured(f"{name}={value!r}: write an origin such as https://talk.example.org, without a path.")


def configured(name: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any] | None:
    if not text(name):
        return None
    try:
        return read(text(name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def cloud_database() -> str:
    """The alias of the database that holds conversations when the cloud is on; empty where there is none, or no saying."""
    there_is = {"postgresql": bool(POSTGRESQL), "mongodb": bool(MONGODB)}
    chosen = [name for name, there in there_is.items() if there and DATABASE_TYPE in ("", name)]
    return {"postgresql": "default", "mongodb": "mongodb"}[chosen[0]] if len(chosen) == 1 else ""


def provided(url: str, key: str, model: str) -> dict[str, str]:
    """Where a stage is asked, with which key, for which model: its own settings, else those of all stages."""
    shared = "" if url else OPENAI_API_KEY  # a server of its own is not sent the key of another
    return {"url": url or OPENAI_BASE_URL or "https://api.openai.com/v1", "key": key or shared, "model": model}


def data_dir() -> Path:
    path = Path(text("DATA_DIR") or BASE_DIR / "data").expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR={path}: {error.strerror}. Name a folder that can be written.") from error
    return path


def secret_key() -> str:
    """`SECRET_KEY`, or one made at the first start and kept in DATA_DIR; two processes that start at once agree on it."""
    if given := text("SECRET_KEY"):
        return given
    path = DATA_DIR / "secret_key"
    aside = DATA_DIR / f"secret_key.{os.getpid()}"
    if not path.exists():
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_urlsafe(50))
        try:
            os.link(aside, path)  # atomic, and never over one that is there
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text().strip()


# Where and who

# What decides whether and where there is a cloud, beside the settings that are read from them.
CLOUD_VARIABLES = (
    *("USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE", "DATABASE_URL", "MONGODB_URI", "SECRET_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME"),
)
DEBUG = flag("DEBUG", False)
DATA_DIR = data_dir()
SECRET_KEY = secret_key()
HOST = text("HOST", "127.0.0.1")
PORT = number("PORT", 8000, low=1, high=65535)
APP_URL = origin("APP_URL", text("NEXT_PUBLIC_APP_URL") or f"http://localhost:{PORT}")
HTTPS = APP_URL.startswith("https://")
ALLOWED_HOSTS = [
    urlsplit(APP_URL).hostname or "",
    "localhost",
    "127.0.0.1",
    "[::1]",
    *text("ALLOWED_HOSTS").replace(",", " ").split(),
]
CSRF_TRUSTED_ORIGINS = [APP_URL]

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("TRUST_PROXY", False) else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked by machines, inside, over plain HTTP
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The house

INSTALLED_APPS = [
    "talking_agent",
    "learners",
    "audio",
    "conversations",
    "tutor",
    "migration",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # the page at /api/docs needs nothing from elsewhere
    "channels",
    "talking_agent.site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "talking_agent.staticfiles.StaticFilesConfig",
]
MIDDLEWARE = [
    "talking_agent.middleware.measured",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "talking_agent.middleware.content_security_policy",
    "talking_agent.middleware.patience",
    "talking_agent.unreachable.admin_without_accounts",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "learners.middleware.same_site_only",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "learners.middleware.known_learner",
    "conversations.errors.method_errors",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "talking_agent.urls"
ASGI_APPLICATION = "talking_agent.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Stores. Accounts are in `default`, PostgreSQL where DATABASE_URL is set; conversations in the shelter, `local`, and with the
# cloud on in what DATABASE_TYPE names: PostgreSQL (then `default` is also theirs) or MongoDB.


def sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / name,  # a file each: two aliases on one file lock each other out
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            # FULL: what was acknowledged survives a power loss.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


POSTGRESQL = configured("DATABASE_URL", dsn.postgresql)
MONGODB = configured("MONGODB_URI", dsn.mongodb)
DATABASES = {"default": POSTGRESQL or sqlite("accounts.sqlite3"), "local": sqlite("shelter.sqlite3")}
if MONGODB:
    DATABASES["mongodb"] = MONGODB
DATABASE_ROUTERS = ["conversations.routers.ConversationRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The cloud: each half is on where it is configured. `talking_agent.checks` says what does not fit together.

USE_CLOUD_STORAGE = flag("USE_CLOUD_STORAGE", flag("NEXT_PUBLIC_USE_CLOUD_STORAGE", False))
DATABASE_TYPE = one_of("DATABASE_TYPE", "", ("", "mongodb", "postgresql"))
S3_BUCKET_NAME = text("S3_BUCKET_NAME")
AWS_S3_ENDPOINT_URL = text("AWS_S3_ENDPOINT_URL")
GIVEN = {name for name in CLOUD_VARIABLES if text(name)}
CLOUD_DATABASE = cloud_database() if USE_CLOUD_STORAGE else ""
CLOUD_AUDIO = USE_CLOUD_STORAGE and bool(S3_BUCKET_NAME)

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
AUDIO_URL_EXPIRY = number("AUDIO_URL_EXPIRY", 3600, low=1, high=604_800)
# In dollars, for `manage.py storage cost`.
PRICE_STORAGE = price("PRICE_STORAGE", 0.023)  # a GB and month
PRICE_REQUESTS = price("PRICE_REQUESTS", 0.0004)  # a thousand
PRICE_DATABASE = price_range("PRICE_DATABASE", "7-20")  # a month
PRICE_OPENAI = existing_path("PRICE_OPENAI")  # a file such as tutor/prices.toml, which an empty path means
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # unused: audio has storages of its own
    "audio_local": {"BACKEND": "audio.storages.LocalAudioStorage", "OPTIONS": {"location": DATA_DIR / "recordings"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "talking_agent.staticfiles.ModuleManifestStorage"
    },
}
if S3_BUCKET_NAME:
    STORAGES["audio_cloud"] = {
        "BACKEND": "audio.s3.S3AudioStorage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET_NAME,
            "access_key": text("AWS_ACCESS_KEY_ID") or None,  # None: what the machine's own role gives
            "secret_key": text("AWS_SECRET_ACCESS_KEY") or None,
            "region_name": text("AWS_REGION", "us-east-1"),
            "endpoint_url": AWS_S3_ENDPOINT_URL or None,
            "querystring_expire": AUDIO_URL_EXPIRY,
            "cloudfront_domain": text("CLOUDFRONT_DOMAIN"),
            "cloudfront_key_id": text("CLOUDFRONT_KEY_ID"),
            "cloudfront_key": text("CLOUDFRONT_KEY"),
        },
    }

# Talking

# In the order in which they stand in for one another.
ENGINES = {
    "openai_realtime": "tutor.engines.openai_realtime.engine.RealtimeEngine",
    "openai_pipeline": "tutor.engines.openai_pipeline.engine.PipelineEngine",
    "local": "tutor.engines.local.engine.LocalEngine",
}
TUTOR_ENGINE = one_of("TUTOR_ENGINE", "auto", ("auto", *ENGINES))
OPENAI_API_KEY = text("OPENAI_API_KEY")
OPENAI_BASE_URL = text("OPENAI_BASE_URL")
# What is asked where. The defaults have no announced end. OpenAI has announced one for all models of its speech endpoint, and
# names a model of the Realtime API as their successor: "realtime" in a speech model's name tells which of the two it is asked of.
OPENAI = {
    "realtime": provided("", "", text("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")),
    "transcription": provided(
        text("OPENAI_TRANSCRIPTION_URL"),
        text("OPENAI_TRANSCRIPTION_KEY"),
        text("OPENAI_TRANSCRIPTION_MODEL", "gpt-transcribe"),
    ),
    "chat": provided(text("OPENAI_CHAT_URL"), text("OPENAI_CHAT_KEY"), text("OPENAI_CHAT_MODEL", "gpt-5.4-mini")),
    "speech": provided(
        text("OPENAI_SPEECH_URL"), text("OPENAI_SPEECH_KEY"), text("OPENAI_SPEECH_MODEL", "gpt-realtime-2.1-mini")
    ),
}
OPENAI_VOICE = text("OPENAI_VOICE", "marin")
ENGINE_PATIENCE = number("ENGINE_PATIENCE", 3500, low=500, high=60_000)  # ms until the next engine is tried

# Empty paths mean the models that the packages of requirements-local.txt carry.
WHISPER_MODEL = existing_path("WHISPER_MODEL")
PIPER_VOICE = existing_path("PIPER_VOICE")
SPECULATE = flag("SPECULATE", True)

# The interface

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["learners.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["conversations.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "talking_agent.openapi.ObjectSchema",
    "EXCEPTION_HANDLER": "conversations.errors.error_answer",
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Talking Agent API",
    "VERSION": "1",
    "DESCRIPTION": (
        "Who is asking is told by the cookie `learner`, which the first answer sets: keep it and send it. An error is "
        '`{"error": …}`, in words. The talk itself goes over the WebSocket `/v1/realtime`, which docs/api.md describes.'
    ),
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # they are for who reads the code
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "list", "defaultModelsExpandDepth": 0},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "conversations.schema.add_shapes",
        "audio.schema.add_calls",
        "tutor.schema.add_calls",
    ],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024  # a whole conversation with its audio as data URLs
FILE_UPLOAD_MAX_MEMORY_SIZE = 26 * 1024 * 1024  # an upload is decoded at once: never a detour over a file
METRICS_TOKEN = text("METRICS_TOKEN")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "talking_agent.logs.Discreet", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    },
    # That a store is down is logged when it goes and when it comes back, not once per request; that what is configured has no
    # means for something, not at all.
    "filters": {
        "unexpected": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) not in (501, 503),
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "faster_whisper": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},  # it would write each address that is asked, with a password that is in it
        "django.request": {"level": "ERROR", "filters": ["unexpected"]},
        "psycopg.pool": {"level": "ERROR"},
    },
}
