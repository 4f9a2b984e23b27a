"""Save a conversation with a recording, read it back, fetch the recording by its link, and delete everything again.

It uses the stores that learners' data goes to. Exit code 1: a step failed, or the cloud is on and the data was stored on this
machine.
"""

import json
from contextlib import closing

from django.core.management.base import CommandParser, OutputWrapper

from migration import self_test
from migration.actions.terminal import Options


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the steps as JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    steps = []
    with closing(self_test.run()) as running:
        for step in running:
            steps.append(step)
            if not options["json"]:
                state = "✓ ok    " if step.ok else "✗ failed"
                advice = f"\n{'':29}→ {step.advice}" if step.advice else ""
                out.write(f"{state}  {step.name:<17}  {step.found} ({step.seconds:.2f} s){advice}")
    report = self_test.report(steps)
    if options["json"]:
        out.write(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        out.write("The storage works." if report["success"] else "The storage does not work as it is set up.")
    return bool(report["success"])
