"""Declare the embedded engine."""

import importlib.util
from collections.abc import Iterable

from django.core.checks import CheckMessage, Error

from engines.interface import Capabilities, Declaration
from tutor.toml_tables import DataFileError


class LocalDeclaration(Declaration):
    name = "local"
    engine = "engines.local.engine.LocalEngine"
    preference = 3
    capabilities = Capabilities(supports_preemptive=True, corrects_aloud=True, embedded=True)

    def configured(self) -> bool:
        """Return whether the packages of requirements-local.txt are installed."""
        return importlib.util.find_spec("faster_whisper") is not None

    def system_checks(self) -> Iterable[CheckMessage]:
        """Read the files in `data/`. Return the first error in them."""
        # Importing the phrases reads them.
        try:
            from engines.local import harper_rules, mistakes, phrases, rules  # noqa: F401

            rules.load()
            mistakes.load_all()
            harper_rules.load_all()
        except DataFileError as error:
            return [Error(str(error), hint="CONTRIBUTING.md describes the fields.", id="data.E001")]
        return []


DECLARATION = LocalDeclaration()
