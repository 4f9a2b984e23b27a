"""Provide the engines, one folder each. A setting chooses the one that talks; the others take over when it fails.

A folder with the module `declaration` is an engine, and has its name. A folder with the module `settings` has settings.
Nothing else lists the engines. This module is imported while Django's settings are read, so it imports no engine itself.
"""

import importlib.util
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from core.findings import Probe
    from engines.interface import Declaration, Engine


def read_settings() -> dict[str, object]:
    """Return the settings of all folders, by name. Raises ImproperlyConfigured for an invalid value."""
    modules = [importlib.import_module(f"{__name__}.{folder}.settings") for folder in _folders_with("settings")]
    return {name: value for module in modules for name, value in vars(module).items() if name.isupper()}


def available() -> tuple[str, ...]:
    """Return the names of all engines, configured or not, in alphabetical order."""
    return _folders_with("declaration")


@cache
def declared() -> tuple["Declaration", ...]:
    """Return the declarations of all engines, configured or not, in order of preference."""
    found = [importlib.import_module(f"{__name__}.{name}.declaration").DECLARATION for name in available()]
    return tuple(sorted(found, key=lambda each: each.preference))


def in_use() -> tuple["Declaration", ...]:
    """Return the declarations of the engines that can talk here, the preferred one first.

    An engine that TUTOR_ENGINE names is used even if it is not configured, and has only an embedded engine behind it.
    """
    embedded = [each for each in declared() if each.capabilities.embedded]
    configured = [each for each in declared() if each.configured()] or embedded
    if settings.TUTOR_ENGINE == "auto":
        return tuple(configured)
    chosen = [each for each in declared() if each.name == settings.TUTOR_ENGINE]
    return tuple(dict.fromkeys((*chosen, *(each for each in configured if each in embedded))))


def names() -> tuple[str, ...]:
    """Return the names of the engines that can talk here, the preferred one first."""
    return tuple(each.name for each in in_use())


# The engines of this process. Their models are large and their connections are reused.
_created: dict[str, "Engine"] = {}


def engine(name: str) -> "Engine":
    """Return the engine with this name, which is created once per process."""
    if name not in _created:
        [declaration] = [each for each in declared() if each.name == name]
        _created[name] = import_string(declaration.engine)()
    return _created[name]


def engines() -> tuple["Engine", ...]:
    return tuple(engine(name) for name in names())


async def close() -> None:
    """Close the connections of all engines. The server calls it when it stops."""
    for created in _created.values():
        await created.close()


def verify_checks() -> list["Probe"]:
    """Return the checks of all engines for `storage verify`. Engines that share a check run it once."""
    return list({probe.name: probe for each in declared() for probe in each.verify_checks()}.values())


def _folders_with(module: str) -> tuple[str, ...]:
    folders = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.ispkg)
    return tuple(name for name in folders if importlib.util.find_spec(f"{__name__}.{name}.{module}"))
