"""Show how the bucket differs from the recommended set-up, and change it after a confirmation.

A bucket that is set up exists, is private, encrypted and versioned, deletes old versions and unfinished uploads after a while,
and lets the site's own pages read it. Rules of other applications stay. If other applications use the bucket, changes of the
whole bucket need a confirmation of their own. Running the command again changes nothing. Exit code 2: there is something to
change, and nothing was changed.
"""

import json
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict, replace

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from audio.s3 import S3AudioStorage
from migration import setup
from migration.actions.terminal import TO_DO, Options, confirmed, is_confirmed
from migration.setup import SettingFinding, SettingState, SetupOptions, iam
from migration.setup.bucket_setting import TargetBucket

POLICIES = {
    "application": iam.for_application,
    "kms": iam.for_application_with_kms,
    "verify": iam.for_verify,
    "setup": iam.for_setup,
}
NOTHING_CHANGED = "Nothing was changed. --yes makes the changes marked with → without asking."
MARKS = {SettingState.RIGHT: "  ok", SettingState.TO_DO: "  →", SettingState.DONE: "done", SettingState.LEFT: "   ="}
MARKS |= {SettingState.UNSUPPORTED: "   -", SettingState.FAILED: "  ✗"}
LEFT = (
    "Settings marked with = were not changed, because other applications use the bucket. --whole-bucket changes them."
)


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("--yes", action="store_true", help="do not ask for confirmation")
    option("--json", action="store_true", help="print the findings as one line of JSON")
    option(
        "--whole-bucket", action="store_true", help="also change settings that affect other applications in the bucket"
    )
    option(
        "--print-iam",
        nargs="?",
        const="application",
        choices=POLICIES,
        help="print the least IAM policy that is needed, and do nothing else",
    )
    destination = parser.add_mutually_exclusive_group()
    for name, service in (("queue", "sqs"), ("topic", "sns")):
        notified = f"notify this {name} of new recordings"
        destination.add_argument(f"--{name}", type=arn_of(service), default="", metavar="ARN", help=notified)
    option(
        "--alarms",
        type=arn_of("sns"),
        default="",
        metavar="TOPIC_ARN",
        help="notify this topic of errors and unusual growth",
    )
    option("--retention-days", type=days, metavar="N", help="let the bucket delete recordings after N days (0: never)")
    option(
        "--old-versions-days",
        type=days,
        metavar="N",
        help="let it delete old versions after N days (default: 30, or unchanged; 0: never)",
    )


def run(options: Options, out: OutputWrapper) -> bool:
    try:
        storage = _storage()
        if options["print_iam"]:
            out.write(json.dumps(POLICIES[options["print_iam"]](TargetBucket(storage)), indent=2))
            return True
        asked = SetupOptions(**{name: options[name] for name in SetupOptions.__dataclass_fields__})
        findings = setup.look(storage, asked)
        if not options["json"]:
            out.write(f"The bucket {storage.bucket_name}:")
            out.write("\n".join(map(_in_words, findings)))
        leaves = any(each.state is SettingState.LEFT for each in findings)
        if leaves and _is_whole_bucket_confirmed(storage, options, out):
            asked = replace(asked, whole_bucket=True)
            findings = [
                replace(each, state=SettingState.TO_DO) if each.state is SettingState.LEFT else each
                for each in findings
            ]
        if not any(each.state is SettingState.TO_DO for each in findings):
            return _end(findings, "Nothing to do.", options, out)
        if not is_confirmed("Make the changes marked with →?", options):
            _end(findings, NOTHING_CHANGED, options, out)
            raise SystemExit(1 if _failed(findings) else TO_DO)
        findings = []
        for finding in setup.carry_out(storage, asked):
            findings.append(finding)
            if not options["json"] and finding.now and finding.state not in (SettingState.RIGHT, SettingState.LEFT):
                out.write(_in_words(finding))
        return _end(findings, "The bucket is set up.", options, out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(str(error)) from error


def _is_whole_bucket_confirmed(storage: S3AudioStorage, options: Options, out: OutputWrapper) -> bool:
    """Say what the change would mean to other applications, and ask. --yes alone does not confirm it."""
    if options["json"]:
        return False
    out.write(
        f"Other applications seem to use this bucket: {setup.shared(storage)}. The changes marked with = affect them, too."
    )
    return not options["yes"] and confirmed("Make these changes as well?")


def arn_of(service: str) -> Callable[[str], str]:
    def arn(value: str) -> str:
        if value and not re.fullmatch(rf"arn:[\w-]+:{service}:[\w-]+:\d+:[\w.-]+", value):
            raise ArgumentTypeError(f"{value!r}: write an ARN such as arn:aws:{service}:us-east-1:123456789012:name.")
        return value

    return arn


def days(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= 36_500):
        raise ArgumentTypeError(f"{value!r}: write a whole number of days, 0 for never.")
    return int(value)


def _storage() -> S3AudioStorage:
    if "audio_cloud" not in settings.STORAGES:
        raise CommandError("S3_BUCKET_NAME is not set. Set it to the name of the bucket, which need not exist yet.")
    try:
        storage = storages["audio_cloud"]
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not isinstance(storage, S3AudioStorage):
        raise CommandError("The bucket is not one of S3's.")
    return storage


def _end(findings: list[SettingFinding], verdict: str, options: Options, out: OutputWrapper) -> bool:
    failed = _failed(findings)
    if options["json"]:
        out.write(json.dumps([asdict(each) for each in findings]))
        return not failed
    if failed:
        out.write("Settings marked with ✗ could not be read or changed.")
    if not failed or verdict == NOTHING_CHANGED:
        out.write(verdict)
    if any(each.state is SettingState.LEFT for each in findings):
        out.write(LEFT)
    return not failed


def _failed(findings: list[SettingFinding]) -> bool:
    return any(each.state is SettingState.FAILED for each in findings)


def _in_words(finding: SettingFinding) -> str:
    scope = " (of the whole bucket)" if finding.concerns_whole_bucket else ""
    said = f"{MARKS[finding.state]:>4}  {finding.aspect}{scope}: "
    match finding.state:
        case SettingState.RIGHT:
            return said + finding.now
        case SettingState.TO_DO | SettingState.DONE | SettingState.LEFT:
            return said + f"{finding.now} → {finding.wanted}"
        case SettingState.UNSUPPORTED:
            return said + f"{finding.state}. {finding.trouble}".rstrip()
        case SettingState.FAILED:
            return said + finding.trouble
