"""Check the files of settings and data, and that the settings of cloud and engines fit together. Contact no server."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

import engines
from core import env_file
from tutor import language, scenario
from tutor.toml_tables import DataFileError
from usage import spending

DATABASES = {"postgresql": "DATABASE_URL", "mongodb": "MONGODB_URI"}
ONE = "Write DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql."
KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@register()
def env_files(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    for each in env_file.REPEATED:
        yield Warning(each, hint="Delete one of the two lines: the last one counts.", id="settings.W001")


@register()
def data_files(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    for load in (scenario.load_all, language.load_all):
        try:
            load()
        except DataFileError as error:
            yield Error(str(error), hint="CONTRIBUTING.md describes the fields.", id="data.E001")


@register()
def addresses_of_databases(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    for variable, entry in {"DATABASE_URL": settings.POSTGRESQL, "MONGODB_URI": settings.MONGODB}.items():
        if entry and entry["REPLACED"]:
            what = f"{variable}: {', '.join(entry['REPLACED'])} is set there, and the server's own value is used."
            hint = "No request may wait longer than two seconds, and what is saved must be durable. Leave it out."
            yield Warning(what, hint=hint, id="cloud.W005")


@register()
def cloud_settings(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    named = [name for name in ("MONGODB_URI", "S3_BUCKET_NAME") if name in settings.GIVEN]
    if settings.USE_CLOUD_STORAGE:
        yield from _database()
        yield from _bucket()
        if settings.CLOUD_DATABASE and "SECRET_KEY" not in settings.GIVEN:
            what = (
                "SECRET_KEY was generated and is in DATA_DIR: another server on the same database would know no learner of "
                "this one."
            )
            hint = "Set the same SECRET_KEY for all servers, and DATABASE_URL for shared accounts."
            yield Warning(what, hint=hint, id="cloud.W004")
    elif named and not settings.GIVEN & {"USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE"}:
        what = f"{' and '.join(named)} are set, but the cloud is off: everything is kept locally."
        yield Warning(what, hint="Write USE_CLOUD_STORAGE=true, or =false to leave it so.", id="cloud.W001")


def _database() -> Iterator[CheckMessage]:
    there = settings.GIVEN & set(DATABASES.values())
    wanted = DATABASES.get(settings.DATABASE_TYPE)
    if len(there) > 1 and not settings.DATABASE_TYPE:
        what = "DATABASE_URL and MONGODB_URI are both set: which has the conversations?"
        yield Error(what, hint=ONE, id="cloud.E001")
    elif wanted and wanted not in there:
        what = f"DATABASE_TYPE={settings.DATABASE_TYPE}, but {wanted} is not set."
        yield Error(what, hint=f"Set {wanted}, or change DATABASE_TYPE.", id="cloud.E002")
    elif not there:
        what = "USE_CLOUD_STORAGE is on, but no database is configured: conversations are kept locally."
        yield Warning(what, hint="Set MONGODB_URI or DATABASE_URL.", id="cloud.W002")


def _bucket() -> Iterator[CheckMessage]:
    if not settings.CLOUD_AUDIO:
        what = "USE_CLOUD_STORAGE is on, but S3_BUCKET_NAME is not set: recordings are kept locally."
        yield Warning(what, hint="Set S3_BUCKET_NAME, and a key that may use the bucket.", id="cloud.W003")
        return
    try:
        _ = storages["audio_cloud"]
    except ImproperlyConfigured as error:
        yield Error(str(error), id="cloud.E003")
        return
    # Without either key, this machine's role gives the credentials. `storage verify` reports if it does not.
    if len(given := settings.GIVEN & KEYS) == 1:
        (absent,) = KEYS - given
        what = f"{''.join(given)} is set, but {absent} is not: the bucket cannot be used."
        yield Warning(what, hint=f"Set {absent}, or neither for the role of this machine.", id="cloud.W003")


@register()
def openid_provider(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    needed = ("OIDC_SERVER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    absent = [name for name in needed if not getattr(settings, name)]
    if absent and len(absent) < len(needed):
        what = (
            f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not set: nobody can sign in by the provider."
        )
        yield Error(what, hint="Set all three, or none.", id="accounts.E001")


@register()
def engine_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for declaration in engines.in_use():
        # Engines that share a setting report the same message.
        found += [message for message in declaration.system_checks() if message not in found]
    return found


@register()
def prices(app_configs: object, **kwargs: object) -> Iterator[CheckMessage]:
    try:
        spending.prices()
    except ImproperlyConfigured as error:
        hint = "Write a table for each model, as usage/prices.toml has them; or leave PRICE_OPENAI out, and that file holds."
        yield Error(str(error), hint=hint, id="openai.E004")
