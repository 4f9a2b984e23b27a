"""What does not fit together in the settings of the cloud and of OpenAI, and what to write. Whether a server answers is not
asked here."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages

from talking_agent import provider_models, stages
from talking_agent.stages import Stage
from tutor import spending

DATABASES = {"postgresql": "DATABASE_URL", "mongodb": "MONGODB_URI"}
ONE = "Write DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql."
S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME")


@register()
def cloud_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.USE_CLOUD_STORAGE:
        return _off()
    return [*_database(), *_bucket(), *_several_servers()]


def _off() -> list[CheckMessage]:
    named = [name for name in ("MONGODB_URI", "S3_BUCKET_NAME") if name in settings.GIVEN]
    if not named or settings.GIVEN & {"USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE"}:
        return []
    return [
        Warning(
            f"{' and '.join(named)} are set, but the cloud is off: everything is kept locally.",
            hint="Write USE_CLOUD_STORAGE=true, or =false to leave it so.",
            id="cloud.W001",
        )
    ]


def _database() -> list[CheckMessage]:
    there = settings.GIVEN & set(DATABASES.values())
    if len(there) > 1 and not settings.DATABASE_TYPE:
        return [
            Error("DATABASE_URL and MONGODB_URI are both set: which has the conversations?", hint=ONE, id="cloud.E001")
        ]
    wanted = DATABASES.get(settings.DATABASE_TYPE)
    if wanted and wanted not in there:
        return [
            Error(
                f"DATABASE_TYPE={settings.DATABASE_TYPE}, but {wanted} is not set.",
                hint=f"Set {wanted}, or change DATABASE_TYPE.",
                id="cloud.E002",
            )
        ]
    if not there:
        return [
            Warning(
                "USE_CLOUD_STORAGE is on, but no database is configured: conversations are kept locally.",
                hint="Set MONGODB_URI or DATABASE_URL.",
                id="cloud.W002",
            )
        ]
    return []


def _bucket() -> list[CheckMessage]:
    missing = [name for name in S3_VARIABLES if name not in settings.GIVEN]
    if settings.CLOUD_AUDIO:
        try:
            _ = storages["audio_cloud"]
        except ImproperlyConfigured as error:
            return [Error(str(error), id="cloud.E003")]
    if not missing:
        return []
    if settings.CLOUD_AUDIO:  # a machine's own role may stand in for the keys, and a default for the region
        told = (
            f"The bucket is used, but {', '.join(missing)} are not set: the machine's own role and us-east-1 are taken."
        )
    else:
        told = f"USE_CLOUD_STORAGE is on, but {', '.join(missing)} are not set: recordings are kept locally."
    return [Warning(told, hint=f"Set {', '.join(missing)}.", id="cloud.W003")]


def _several_servers() -> list[CheckMessage]:
    if not settings.CLOUD_DATABASE or "SECRET_KEY" in settings.GIVEN:
        return []
    return [
        Warning(
            "SECRET_KEY was generated and is in DATA_DIR: another server on the same database would know no learner of this one.",
            hint="Set the same SECRET_KEY for all servers, and DATABASE_URL for shared accounts.",
            id="cloud.W004",
        )
    ]


@register()
def openai_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if unusable := [*_engine_without_provider(), *_addresses(), *_keys(), *_prices()]:
        return unusable
    return [*_stages_without_key(), *_models_with_an_end(datetime.now(UTC).date()), *_speech_elsewhere()]


def _engine_without_provider() -> Iterator[CheckMessage]:
    engine = settings.TUTOR_ENGINE
    if engine in ("auto", "local") or any(_may_answer(stage) for stage in _talked_to(engine)):
        return
    yield Error(
        f"TUTOR_ENGINE={engine}, but there is no key for OpenAI, and no other server is named.",
        hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that speaks OpenAI's protocol; or write TUTOR_ENGINE=auto.",
        id="openai.E001",
    )


def _addresses() -> Iterator[CheckMessage]:
    wrong = {stage.url_setting for stage in stages.stages() if not stage.host}
    for setting in sorted(wrong):  # not what it is: it may hold a password
        yield Error(
            f"{setting} is not an address.", hint="Write one such as http://localhost:8880/v1.", id="openai.E002"
        )


def _keys() -> Iterator[CheckMessage]:
    wrong = {stage.key_setting for stage in stages.stages() if not stage.key_fits}
    for setting in sorted(wrong):
        yield Error(
            f"{setting} has characters that no key has.",
            hint="Copy it again, without quotes or dots.",
            id="openai.E003",
        )


def _prices() -> Iterator[CheckMessage]:
    try:
        spending.prices()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Write a table for each model, as tutor/prices.toml has them; or leave PRICE_OPENAI out, and that file holds.",
            id="openai.E004",
        )


def _models_with_an_end(today: date) -> Iterator[CheckMessage]:
    for stage in stages.stages():
        if day := provider_models.end(stage):
            yield Warning(
                f"{stage.model_setting}={stage.model}: OpenAI {'has shut' if day <= today else 'shuts'} it down on {day}.",
                hint=f"Write {stage.model_setting}={provider_models.successor(stage)} and restart.",
                id="openai.W001",
            )


def _speech_elsewhere() -> Iterator[CheckMessage]:
    if settings.TUTOR_ENGINE == "openai_realtime":
        return  # whoever says so knows that the server has it
    model = provider_models.SUCCESSORS["speech"]  # the default, too
    for stage in stages.stages():
        if stage.name == "speech" and stage.model == model and stage.host and not stage.is_openais:
            yield Warning(
                f"{stage.host} is to speak with {model}, over the Realtime API: few servers but OpenAI's have that.",
                hint="Set OPENAI_SPEECH_MODEL to a model that it offers at /audio/speech.",
                id="openai.W002",
            )


def _stages_without_key() -> Iterator[CheckMessage]:
    for engine in stages.engines():
        without = [stage for stage in _talked_to(engine) if not _may_answer(stage)]
        if without:
            yield Warning(
                f"{engine} cannot talk: {', '.join(each.name for each in without)} would be asked of OpenAI, without a key.",
                hint=f"Set OPENAI_API_KEY, or {' and '.join(f'OPENAI_{each.name.upper()}_URL' for each in without)}.",
                id="openai.W003",
            )


def _talked_to(engine: str) -> list[Stage]:
    """What an engine cannot talk without."""
    return [stage for stage in stages.stages(engine) if engine != "openai_realtime" or stage.name == "realtime"]


def _may_answer(stage: Stage) -> bool:
    return bool(stage.key) or not stage.is_openais  # a server of one's own may ask for no key
