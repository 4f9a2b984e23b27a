"""The engines, one folder each. Which one talks is a setting."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from tutor.engines.base import Engine


@cache
def engine() -> Engine:
    """The engine that TUTOR_ENGINE names; one per process, for its models are large."""
    name = "local" if settings.TUTOR_ENGINE == "auto" else settings.TUTOR_ENGINE
    chosen: Engine = import_string(settings.ENGINES[name])()
    return chosen
