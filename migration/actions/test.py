"""Save a conversation with a recording, read it back, fetch the recording by its link, and delete everything again.

It uses the stores that learners' data goes to. Exit code 1: a step failed, or the cloud is on and the data was stored on this
machine.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser, OutputWrapper

from migration import self_test
from migration.self_test import Step


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the steps as JSON")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    if options["json"]:
        outcome = self_test.run()
        out.write(json.dumps(outcome.report(), indent=2, ensure_ascii=False))
        return outcome.success
    outcome = self_test.run(lambda step: out.write(_line(step)))
    out.write("The storage works." if outcome.success else "The storage does not work as it is set up.")
    return outcome.success


def _line(step: Step) -> str:
    state = "✓ ok    " if step.ok else "✗ failed"
    advice = f"\n{'':29}→ {step.advice}" if step.advice else ""
    return f"{state}  {step.name:<17}  {step.found} ({step.seconds:.2f} s){advice}"
