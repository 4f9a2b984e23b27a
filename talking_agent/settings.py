"""Read all settings once, from the environment, then `.env.local`, then `.env`. The first source that has a name wins.

An invalid value stops the start with its name and the reason. `.env.example` explains each setting.
"""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

import engines
from core import database_urls, env, env_file, machine

BASE_DIR = Path(__file__).resolve().parent.parent


env_files = os.environ.get("ENV_FILES")
for name in (".env.local .env" if env_files is None else env_files).split():
    env_file.load(BASE_DIR / name, must_exist=env_files is not None)

# onnxruntime would collect usage data under ~/.cache and send it to Microsoft.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def cloud_database() -> str:
    """Return the alias of the cloud's database for conversations. Empty if none is configured, or the choice is open."""
    there_is = {"postgresql": bool(POSTGRESQL), "mongodb": bool(MONGODB)}
    chosen = [name for name, there in there_is.items() if there and DATABASE_TYPE in ("", name)]
    return {"postgresql": "default", "mongodb": "mongodb"}[chosen[0]] if len(chosen) == 1 else ""


def data_dir() -> Path:
    named = env.text("DATA_DIR")
    try:
        path = Path(named or BASE_DIR / "data").expanduser().resolve()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    # `expanduser` and `resolve` raise RuntimeError for ~user of an unknown user, and for a loop of links.
    except RuntimeError:
        raise env.wrong("DATA_DIR", env.UNKNOWN_USER) from None
    except OSError as error:
        what = "it" if named else f"{BASE_DIR / 'data'}"
        raise env.wrong(
            "DATA_DIR", f"{what} cannot be written: {error.strerror}. Name a folder that can be written"
        ) from None
    return path


def secret_key() -> str:
    """Return SECRET_KEY, else the key in DATA_DIR. The first start makes it. Processes that start together get the same one."""
    if given := env.text("SECRET_KEY"):
        return given
    path = DATA_DIR / "secret_key"
    try:
        if not path.exists():
            _make_secret_key(path)
        key = path.read_text(errors="replace").strip()
    except OSError as error:
        why = f"{path} cannot be read or made: {error.strerror}. It must belong to the user who runs this. Or set SECRET_KEY."
        raise ImproperlyConfigured(why) from None
    if not key:
        raise ImproperlyConfigured(
            f"{path} is empty. Restore it from a backup. If you delete it instead, no learner is recognised any more."
        )
    return key


def _make_secret_key(path: Path) -> None:
    temporary = path.with_name(f"secret_key.{os.getpid()}")
    try:
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(50))
        # Atomic. It does not replace an existing key.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)


# The site

# Variables that decide whether the cloud is used, and which one.
CLOUD_VARIABLES = (
    *("USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE", "DATABASE_URL", "MONGODB_URI", "SECRET_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME"),
)
DEBUG = env.flag("DEBUG", False)
DATA_DIR = data_dir()
SECRET_KEY = secret_key()
HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, low=1, high=65535)
APP_URL = env.origin("APP_URL") or env.origin("NEXT_PUBLIC_APP_URL", f"http://localhost:{PORT}")
HTTPS = APP_URL.startswith("https://")
ALLOWED_HOSTS = [
    urlsplit(APP_URL).hostname or "",
    "localhost",
    "127.0.0.1",
    "[::1]",
    *env.text("ALLOWED_HOSTS").replace(",", " ").split(),
]
CSRF_TRUSTED_ORIGINS = [APP_URL]

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# W005, W021: subdomains may belong to others, and only the owner of the domain can promise HTTPS for all of them, forever.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
TRUST_PROXY = env.flag("TRUST_PROXY", False)
# More proxies between the client and the proxy that connects to us, such as those of a CDN. See learners.address.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
# Enough for a class behind one address: a browser opens six.
CONNECTIONS_PER_ADDRESS = env.number("CONNECTIONS_PER_ADDRESS", 256, low=1, high=100_000)
# Load balancers and Prometheus call these over plain HTTP inside the network.
SECURE_REDIRECT_EXEMPT = [r"^readyz$", r"^metrics$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Django

INSTALLED_APPS = [
    "talking_agent",
    "learners",
    "audio",
    "conversations",
    "usage",
    "tutor",
    "talk",
    "migration",
    "learning",
    "practice",
    "own_data",
    "rest_framework",
    "drf_spectacular",
    # The page at /api/docs loads nothing from other sites.
    "drf_spectacular_sidecar",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "talking_agent.site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "talking_agent.staticfiles.StaticFilesConfig",
    # The last: its groups have permissions of all apps.
    "staff",
]
MIDDLEWARE = [
    "core.middleware.RequestTiming",
    "core.middleware.AnyHostForMachines",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.BrowserPolicies",
    "core.middleware.CloudPatience",
    "core.absolute_links.RequestOrigin",
    "core.unreachable.PagesWithoutAccounts",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "learners.learner_middleware.SameSiteOnly",
    "django.middleware.csrf.CsrfViewMiddleware",
    "learners.sessions.SessionUser",
    "learners.learner_middleware.KnownLearner",
    "learners.ingest.DailyUploadLimit",
    "usage.payer.PayingVisitor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
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
                "learners.signed_in.context",
                "talk.capabilities.context",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Accounts, by django-allauth. Without a mail server, emails go to the terminal, and addresses need not be verified.

SIGNUP = env.one_of("SIGNUP", "open", ("open", "invite", "closed", "required"))
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", HTTPS)
EMAIL_URL = env.mail_server("EMAIL_URL")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_URL else 'console'}.EmailBackend"
globals().update(EMAIL_URL)
# Seconds.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", f"Talking Agent <noreply@{urlsplit(APP_URL).hostname}>")
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL, LOGIN_REDIRECT_URL, ACCOUNT_LOGOUT_REDIRECT_URL = "account_login", "/", "/"
ACCOUNT_ADAPTER = "learners.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "learners.account_forms.SignInForm"}
# Operators have names, learners have addresses.
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = bool(EMAIL_URL)
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USER_DISPLAY = "learners.signed_in.name_of"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# A class of 30 behind one address signs up and in within minutes. `learners.sign_in` limits failed passwords, so that
# `login_failed` counts only second factors.
ACCOUNT_RATE_LIMITS = {
    "signup": "60/m/ip,200/h/ip",
    "login": "240/m/ip",
    "login_failed": "10/5m/key",
    "reset_password": "60/m/ip,5/m/key",
    "reset_password_from_key": "60/m/ip",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_TOTP_ISSUER = "Talking Agent"
MFA_RATE_LIMITS = {"webauthn_login": "120/m/ip"}
# With a mail server nobody signs in with an address that is not verified, but staff, whose accounts operators make.
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ADAPTER = "learners.account_adapter.ProviderAdapter"
OIDC_NAME = env.text("OIDC_NAME", "OpenID Connect")
OIDC_SERVER_URL = env.text("OIDC_SERVER_URL")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": OIDC_NAME,
                    "client_id": OIDC_CLIENT_ID,
                    "secret": OIDC_CLIENT_SECRET,
                    "settings": {"server_url": OIDC_SERVER_URL},
                }
            ]
        }
    }

# Stores. Accounts are in `default`, which is PostgreSQL if DATABASE_URL is set. Conversations are in `local` (the shelter). With
# the cloud on, they are in the database that DATABASE_TYPE names: PostgreSQL (which is `default`, too) or MongoDB.


def sqlite(name: str) -> database_urls.DatabaseParameters:
    return {
        "ENGINE": "core.sqlite",
        # Two aliases on one file would lock each other out.
        "NAME": DATA_DIR / name,
        # Opening it takes longer than most queries. Each thread keeps its connection.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            # FULL: acknowledged writes survive a power loss. secure_delete: nothing stays in the file that was deleted.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-512; "
            "PRAGMA secure_delete=ON",
        },
    }


POSTGRESQL = database_urls.configured("DATABASE_URL")
MONGODB = database_urls.configured("MONGODB_URI")
DATABASES = {"default": POSTGRESQL or sqlite("accounts.sqlite3"), "local": sqlite("shelter.sqlite3")}
if MONGODB:
    DATABASES["mongodb"] = MONGODB
DATABASE_ROUTERS = ["conversations.routers.ConversationRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The cloud. Each half, database and bucket, is on if it is configured. `talking_agent.checks` reports contradictions.

USE_CLOUD_STORAGE = env.flag("USE_CLOUD_STORAGE", env.flag("NEXT_PUBLIC_USE_CLOUD_STORAGE", False))
DATABASE_TYPE = env.one_of("DATABASE_TYPE", "", ("", "mongodb", "postgresql"))
S3_BUCKET_NAME = env.text("S3_BUCKET_NAME")
AWS_S3_ENDPOINT_URL = env.text("AWS_S3_ENDPOINT_URL")
# The server's address for browsers, if it is another one.
AWS_S3_PUBLIC_ENDPOINT_URL = env.text("AWS_S3_PUBLIC_ENDPOINT_URL")
AWS_S3_ADDRESSING_STYLE = env.one_of("AWS_S3_ADDRESSING_STYLE", "", ("", "path", "virtual")) or None
GIVEN = {name for name in CLOUD_VARIABLES if env.text(name)}
# The alias of the cloud's database, switched on or not.
CONFIGURED_DATABASE = cloud_database()
CLOUD_DATABASE = CONFIGURED_DATABASE if USE_CLOUD_STORAGE else ""
CLOUD_AUDIO = USE_CLOUD_STORAGE and bool(S3_BUCKET_NAME)

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
LEARNER_QUOTA_MB = env.number("LEARNER_QUOTA_MB", 1000, low=1, high=10_000_000)
# Repeated attempts count, too.
SENT_MB_PER_DAY = env.number("SENT_MB_PER_DAY", min(10_000_000, 2 * LEARNER_QUOTA_MB), low=1, high=10_000_000)
DISK_RESERVE_MB = env.number("DISK_RESERVE_MB", 1000, low=0, high=10_000_000)
# Days that conversations and recordings are kept. 0: until they are deleted.
RETENTION_DAYS = env.number("RETENTION_DAYS", 0, low=0, high=36_500)
AUDIO_RETENTION_DAYS = env.number("AUDIO_RETENTION_DAYS", 0, low=0, high=36_500)
# Who operates the site, for /privacy.
OPERATOR_NAME = env.text("OPERATOR_NAME")
OPERATOR_CONTACT = env.text("OPERATOR_CONTACT")
AUDIO_URL_EXPIRY = env.number("AUDIO_URL_EXPIRY", 3600, low=1, high=604_800)
# In dollars, for `manage.py storage cost`.
PRICE_STORAGE = env.price("PRICE_STORAGE", 0.023)  # a GB and month
PRICE_REQUESTS = env.price("PRICE_REQUESTS", 0.0004)  # a thousand
PRICE_DATABASE = env.price_range("PRICE_DATABASE", "7-20")  # a month
# A file such as usage/prices.toml, which is also the default.
PRICE_OPENAI = env.existing_path("PRICE_OPENAI")
STORAGES: dict[str, dict[str, Any]] = {
    # Unused: audio has its own storages.
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
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
            # With None, the machine's role gives the key.
            "access_key": env.text("AWS_ACCESS_KEY_ID") or None,
            "secret_key": env.text("AWS_SECRET_ACCESS_KEY") or None,
            "security_token": env.text("AWS_SESSION_TOKEN") or None,
            "region_name": env.text("AWS_REGION", "us-east-1"),
            "endpoint_url": AWS_S3_ENDPOINT_URL or None,
            "public_endpoint_url": AWS_S3_PUBLIC_ENDPOINT_URL,
            "addressing_style": AWS_S3_ADDRESSING_STYLE,
            "key_prefix": env.text("AWS_S3_KEY_PREFIX"),
            "querystring_expire": AUDIO_URL_EXPIRY,
            "cloudfront_domain": env.text("CLOUDFRONT_DOMAIN"),
            "cloudfront_key_id": env.text("CLOUDFRONT_KEY_ID"),
            "cloudfront_key": env.several_lines("CLOUDFRONT_KEY"),
        },
    }

# Talking

# Each engine reads its own settings, in engines/*/settings.py.
globals().update(engines.read_settings())
TUTOR_ENGINE = env.one_of("TUTOR_ENGINE", "auto", ("auto", *engines.available()))
# Milliseconds until the next engine is tried.
ENGINE_PATIENCE = env.number("ENGINE_PATIENCE", 3500, low=500, high=60_000)
# Who the talks are for: it decides what is not said. See tutor.moderation.
AUDIENCE = env.one_of("AUDIENCE", "general", ("general", "children"))
# Whether learners may share a talk by a link. Those of children stay private unless the operator decides otherwise.
SHARE_LINKS = env.flag("SHARE_LINKS", AUDIENCE != "children")
# The country whose crisis lines are shown. Empty: the one that the browser names.
CRISIS_COUNTRY = env.country("CRISIS_COUNTRY")

SPEAKING_CALLS = env.flag("SPEAKING_CALLS", True)
# Starting values of `core.site_limits`, which says what each protects. Those of a learner, and dollars for providers in a day.
REQUESTS_PER_MINUTE = env.number("REQUESTS_PER_MINUTE", 300, low=1, high=1_000_000)
CALLS_PER_MINUTE = env.number("CALLS_PER_MINUTE", 60, low=1, high=1_000_000)
SPEECH_MINUTES_PER_DAY = env.number("SPEECH_MINUTES_PER_DAY", 120, low=1, high=1440)
LEARNER_SPENDING_LIMIT = env.price("LEARNER_SPENDING_LIMIT", 1)
DAILY_SPENDING_LIMIT = env.price("DAILY_SPENDING_LIMIT", 20)
# A class of 30 shares an address, and not all of them use their limits.
LEARNERS_PER_ADDRESS = env.number("LEARNERS_PER_ADDRESS", 12, low=1, high=10_000)
TALKS_PER_LEARNER = env.number("TALKS_PER_LEARNER", 3, low=1, high=1000)
# Each costs about 1.1 MB and 1 % of a core.
PROVIDER_TALKS = env.number("PROVIDER_TALKS", 200, low=1, high=10_000)

# Before version 0.2, the name was SPECULATE.
PREEMPTIVE_REPLIES = env.flag("PREEMPTIVE_REPLIES", env.flag("SPECULATE", True))
# Two for each core: a learner speaks a third of the time at most. If all speak at once, an answer takes twice as long.
LOCAL_TALKS = env.number("LOCAL_TALKS", max(4, 2 * machine.cores()), low=1, high=10_000)

# The interface

REST_FRAMEWORK = {
    # Views for staff name `SessionAuthentication`.
    "DEFAULT_AUTHENTICATION_CLASSES": ["learners.authentication.LearnerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "core.openapi.ObjectSchema",
    "EXCEPTION_HANDLER": "talking_agent.api_errors.error_answer",
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Talking Agent API",
    "VERSION": "1",
    "DESCRIPTION": (
        "The cookie `learner` identifies the learner. The first answer sets it: keep it and send it. An error is "
        '`{"error": …}` with a sentence. The talk itself uses the WebSocket `/v1/realtime`, which docs/api.md describes.'
    ),
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    # Docstrings are for developers.
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    # Links inside buttons and pale colours are not accessible to all people.
    "SWAGGER_UI_SETTINGS": {"docExpansion": "list", "defaultModelsExpandDepth": 0, "syntaxHighlight": False},
    # Describe requests apart from answers. Otherwise a file in a request would be described as an address.
    "COMPONENT_SPLIT_REQUEST": True,
    # Several fields have these choices, so their schemas cannot be named after one field.
    "ENUM_NAME_OVERRIDES": {
        "LevelEnum": "tutor.scenario.LEVELS",
        "LanguageEnum": "talk.serializers.LANGUAGES",
        "PurposeEnum": "tutor.scenario.PURPOSES",
        "CardStateEnum": "learning.serializers.CARD_STATES",
    },
}
# Enough for a whole conversation with its audio as data URLs.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024
# Larger bodies are buffered on the disk until they are complete and admitted.
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
# Unnamed files, which vanish with their process. /tmp may be in memory.
FILE_UPLOAD_TEMP_DIR = DATA_DIR
FILE_UPLOAD_HANDLERS = ["core.upload_handlers.InMemory"]
# How long the record of who read or heard what is kept.
AUDIT_DAYS = env.number("AUDIT_DAYS", 365, low=1, high=36_500)
METRICS_TOKEN = env.text("METRICS_TOKEN")
METRICS_ALLOW = env.networks("METRICS_ALLOW")
# Counters of limits. Several servers share them in Redis. One server keeps them in a file, which survives a restart. Django's
# default of 300 entries is too small for many visitors.
REDIS_URL = env.redis_url("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "core.caches.failover.FailoverCache",
        "LOCATION": REDIS_URL or str(DATA_DIR / "counters.sqlite3"),
        "KEY_FUNCTION": "core.caches.hashed_keys.make_key",
        "OPTIONS": {} if REDIS_URL else {"MAX_ENTRIES": 100_000},
    },
    # Answers of databases that hold for a minute. The event loop reads it, so it is in this process.
    "memory": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "memory",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "talking_agent.logs.Discreet", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    },
    # An outage of a store is logged at its beginning and its end, not for every request. 501 is not logged: it means that the
    # configured engines cannot do something.
    "filters": {
        "unexpected": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) not in (501, 503, 507),
        },
        "without_traceback": {"()": "talking_agent.logs.WithoutTraceback"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "faster_whisper": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # It would log each URL with its password.
        "httpx2": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["unexpected"]},
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "psycopg.pool": {"level": "ERROR"},
    },
}
