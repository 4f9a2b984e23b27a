"""Are the cloud, this machine and whoever is asked to talk set up right? `verify` asks everything at once and answers within
five seconds."""

from collections.abc import Iterable, Iterator
from typing import Any

from migration.probes import database, local, runner, variables
from migration.probes.runner import Probe, Result, State


def probes() -> list[Probe]:
    """All there are, in the order in which an operator reads them."""
    from migration.probes import bucket, openai  # boto3 and httpx2: a fifth of the memory of a server without a cloud

    order = (
        variables.GROUP,
        database.GROUP,
        database.ACCOUNTS,
        database.OTHER,
        bucket.GROUP,
        openai.GROUP,
        local.GROUP,
    )
    found = [*variables.probes(), *database.probes(), *bucket.probes(), *openai.probes(), *local.probes()]
    return sorted(found, key=lambda probe: order.index(probe.group))


def verify() -> Iterator[Result]:
    """The results as they come; five seconds later all are there."""
    return runner.run(probes())


def in_order(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.place)


def report(results: Iterable[Result]) -> dict[str, Any]:
    """What `POST /api/migration` and `storage verify --json` answer. Valid: nothing required is missing, and nothing failed."""
    checks = in_order(results)
    missing = variables.missing()
    return {
        "isValid": not missing and not any(check.state == State.FAILED for check in checks),
        "missing": missing,
        "checks": [
            {
                "group": check.group,
                "name": check.name,
                "state": check.state.value,
                "found": check.found,
                "advice": check.advice,
                "seconds": check.seconds,
            }
            for check in checks
        ],
    }
