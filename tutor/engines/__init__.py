"""The engines, one folder each. Which of them talks is a setting; the others stand in for it when it fails."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from talking_agent import stages
from tutor.engines.base import Engine


def names() -> tuple[str, ...]:
    """The engines that can talk here, the preferred one first."""
    return stages.engines()


@cache
def engine(name: str) -> Engine:
    """One per process, for its models are large and its connections are reused."""
    made: Engine = import_string(settings.ENGINES[name])()
    return made


def engines() -> tuple[Engine, ...]:
    return tuple(engine(name) for name in names())
