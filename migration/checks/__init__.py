"""Check within five seconds whether the cloud, this machine and the language models are set up right."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict

import engines
from core.findings import CheckState, Probe
from core.json_types import Json
from engines.interface import LANGUAGE_MODELS
from migration.checks import database, local, runner, variables
from migration.checks.runner import Result

WORDS = {
    CheckState.OK: "ok",
    CheckState.WARNING: "warning",
    CheckState.FAILED: "failed",
    CheckState.NOT_SUPPORTED: "not supported",
    CheckState.NOT_CONFIGURED: "not configured",
}


def probes() -> list[Probe]:
    """Return all checks, in the order in which an operator reads them."""
    # Imported here, because boto3 takes a fifth of the memory of a server without a cloud.
    from migration.checks import bucket, orphan_check

    groups = (
        *(variables.GROUP, database.GROUP, database.ACCOUNTS, database.OTHER),
        *(bucket.GROUP, LANGUAGE_MODELS, local.GROUP),
    )
    found = [*variables.probes(), *database.probes(), *bucket.probes(), *engines.verify_checks()]
    found += [*local.probes(), *orphan_check.probes()]
    return sorted(found, key=lambda probe: groups.index(probe.group))


def verify() -> Iterator[Result]:
    """Return the results as they come, all of them within five seconds."""
    return runner.run(probes())


def in_order(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.place)


def summary(results: Collection[Result]) -> str:
    counts = Counter(result.state for result in results)
    return f"{len(results)} checks: {', '.join(f'{counts[state]} {word}' for state, word in WORDS.items() if counts[state])}."


def is_valid(results: Iterable[Result]) -> bool:
    """Return whether no check failed. The API, the command's exit code and the console agree on this."""
    return not any(result.state == CheckState.FAILED for result in results)


def report(results: Iterable[Result]) -> Json:
    """Return the answer of `POST /api/migration` and `storage verify --json`.

    With the cloud on, a missing variable has failed. With the cloud off, nothing is required, and `missing` names the
    variables that turning it on takes.
    """
    checks = in_order(results)
    shown = [{name: value for name, value in asdict(check).items() if name != "place"} for check in checks]
    return {"isValid": is_valid(checks), "missing": variables.missing(checks), "checks": shown}
