"""Saves a conversation with a recording, reads it back, fetches the recording by its link, and removes everything again.

It goes where learners' own would go. Exit code 1 if anything failed; also if the cloud is on, and it went to this machine.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser, OutputWrapper

from migration import trial
from migration.trial import Step


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the steps as JSON")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    if options["json"]:
        outcome = trial.run()
        out.write(json.dumps(outcome.report(), indent=2, ensure_ascii=False))
        return outcome.success
    outcome = trial.run(lambda step: out.write(_line(step)))
    out.write("The storage works." if outcome.success else "The storage does not work as it is set up.")
    return outcome.success


def _line(step: Step) -> str:
    state = "✓ ok    " if step.ok else "✗ failed"
    advice = f"\n{'':29}→ {step.advice}" if step.advice else ""
    return f"{state}  {step.name:<17}  {step.found} ({step.seconds:.2f} s){advice}"
