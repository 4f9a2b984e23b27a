"""Check which variables are set, and what stands in for the others. System checks look at their values."""

from collections.abc import Iterable
from functools import partial

from django.conf import settings

from core.findings import CheckFailed, CheckState, NotConfigured, Once, Probe, Warned
from migration.checks.runner import Result

GROUP = "variables"
FLAGS = ("USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE")
DATABASES = ("MONGODB_URI", "DATABASE_URL")
DATABASE = "MONGODB_URI or DATABASE_URL"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REGION = "AWS_REGION"
REQUIRED = (*KEYS, REGION, "S3_BUCKET_NAME", DATABASE)
MEANINGS = {
    "AWS_ACCESS_KEY_ID": "the key that may use the bucket",
    "AWS_SECRET_ACCESS_KEY": "the secret of that key",
    "AWS_REGION": "the region of the bucket, such as eu-west-1",
    "S3_BUCKET_NAME": "the name of the bucket",
    DATABASE: "where the database is",
}


def unset() -> list[str]:
    """Return the names of the required variables that are not set. Two alternatives are one name, joined by "or"."""
    return [name for name in REQUIRED if settings.GIVEN.isdisjoint(name.split(" or "))]


def missing(results: Iterable[Result]) -> list[str]:
    """Return the names of the variables that are not set and have no stand-in, as their lines say."""
    lines = {result.name: result.state for result in results if result.group == GROUP}
    return [name for name in unset() if lines.get(name) in (CheckState.FAILED, CheckState.NOT_CONFIGURED)]


def probes() -> list[Probe]:
    # Imported here, because boto3 takes a fifth of the memory of a server without a cloud.
    from audio import s3_credentials

    # In words, which role or file of this machine gives credentials. Empty if none does.
    role = Once(s3_credentials.machine_source)
    return [
        Probe(GROUP, FLAGS[0], _flag),
        *(Probe(GROUP, name, partial(_variable, name, role)) for name in REQUIRED),
    ]


def _flag() -> str:
    if not settings.USE_CLOUD_STORAGE:
        off = "The cloud is off: everything is kept on this machine."
        if len(unset()) == len(REQUIRED):
            raise NotConfigured(off, "")
        raise Warned(off, f"Write {FLAGS[0]}=true in .env.local and restart, if the cloud is to be used.")
    return "The cloud is on."


def _variable(name: str, role: Once[str]) -> str:
    if name == DATABASE and not settings.DATABASE_TYPE and settings.GIVEN.issuperset(DATABASES):
        raise CheckFailed(
            "MONGODB_URI and DATABASE_URL are both set: which has the conversations cannot be said.",
            "Write DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql in .env.local and restart.",
        )
    if name not in unset():
        # The value itself is never shown.
        return "It is set."
    do = f"Write {name.replace(' or ', '=… or ')}=… in .env.local ({MEANINGS[name]}) and restart."
    if not settings.USE_CLOUD_STORAGE:
        raise NotConfigured("It is not set.", do if len(unset()) < len(REQUIRED) else "")
    if name == REGION:
        return "It is not set: us-east-1 is taken."
    if name in KEYS and settings.GIVEN.isdisjoint(KEYS):
        if given_by := role():
            return f"It is not set: the credentials come from {given_by}."
        raise CheckFailed("It is not set, and no role of this machine gives credentials.", do)
    raise CheckFailed("It is not set.", do)
