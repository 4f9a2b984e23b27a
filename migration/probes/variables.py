"""Which variables are set. What the settings make of them is for the system checks to say."""

from collections.abc import Collection
from functools import partial

from django.conf import settings

from migration.probes.runner import Failed, NotConfigured, Probe, Warned

GROUP = "variables"
FLAGS = ("USE_CLOUD_STORAGE", "NEXT_PUBLIC_USE_CLOUD_STORAGE")
DATABASES = ("MONGODB_URI", "DATABASE_URL")
DATABASE = "MONGODB_URI or DATABASE_URL"
HAVE_A_STAND_IN = {
    "AWS_ACCESS_KEY_ID": "what the machine's own role gives is used",
    "AWS_SECRET_ACCESS_KEY": "what the machine's own role gives is used",
    "AWS_REGION": "us-east-1 is taken",
}
REQUIRED = (*HAVE_A_STAND_IN, "S3_BUCKET_NAME", DATABASE)
MEANINGS = {
    "AWS_ACCESS_KEY_ID": "the key that may use the bucket",
    "AWS_SECRET_ACCESS_KEY": "the secret of that key",
    "AWS_REGION": "the region of the bucket, such as eu-west-1",
    "S3_BUCKET_NAME": "the name of the bucket",
    DATABASE: "where the database is",
}


def missing(given: Collection[str] | None = None) -> list[str]:
    """The names of the required variables that are not set, one of two as `MONGODB_URI or DATABASE_URL`."""
    there = settings.GIVEN if given is None else given
    return [name for name in REQUIRED if not any(each in there for each in name.split(" or "))]


def probes() -> list[Probe]:
    return [
        Probe(GROUP, FLAGS[0], _flag),
        *(Probe(GROUP, name, partial(_variable, name)) for name in REQUIRED),
    ]


def _flag() -> str:
    if not settings.USE_CLOUD_STORAGE:
        off = "The cloud is off: everything is kept on this machine."
        if len(missing()) == len(REQUIRED):
            raise NotConfigured(off, "")
        raise Warned(off, f"Write {FLAGS[0]}=true in .env.local and restart, if the cloud is to be used.")
    return "The cloud is on."


def _variable(name: str) -> str:
    if name == DATABASE and not settings.DATABASE_TYPE and settings.GIVEN.issuperset(DATABASES):
        raise Failed(
            "MONGODB_URI and DATABASE_URL are both set: which has the conversations cannot be said.",
            "Write DATABASE_TYPE=mongodb or DATABASE_TYPE=postgresql in .env.local and restart.",
        )
    if name not in missing():
        return "It is set."  # never what it is set to
    do = f"Write {name.replace(' or ', '=… or ')}=… in .env.local ({MEANINGS[name]}) and restart."
    if not settings.USE_CLOUD_STORAGE:
        raise NotConfigured("It is not set.", do if len(missing()) < len(REQUIRED) else "")
    if name in HAVE_A_STAND_IN and settings.S3_BUCKET_NAME:
        raise Warned(f"It is not set: {HAVE_A_STAND_IN[name]}.", do)
    raise Failed("It is not set.", do)
