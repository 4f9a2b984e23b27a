"""Find the credentials that sign requests to the bucket: those in the settings, else those of this machine's role."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from storages.backends.s3 import S3Storage

# Descriptions by botocore's name of the provider.
SOURCES = {
    "assume-role-with-web-identity": "a role, by a web identity token (IRSA)",
    "container-role": "the container's role (ECS or EKS)",
    "iam-role": "the instance's role (EC2)",
    "assume-role": "an assumed role of AWS_PROFILE or the shared configuration",
    "sso": "AWS IAM Identity Center (SSO)",
    "shared-credentials-file": "the shared credentials file (~/.aws/credentials)",
    "config-file": "the shared configuration (~/.aws/config)",
    "custom-process": "a process that the shared configuration names",
}


@cache
def session() -> boto3.Session:
    """Return the session that all storages share. It keeps boto3's data files in memory, so a second client takes 5 ms."""
    return boto3.Session()


def credentials_for(storage: "S3Storage") -> Credentials | None:
    """Return the credentials of the storage's own settings, else those of this machine, or None if neither exist."""
    if storage.access_key:
        return Credentials(storage.access_key, storage.secret_key, storage.security_token)
    return session().get_credentials()


def source_of(storage: "S3Storage") -> str:
    """Describe the source of the storage's credentials."""
    if storage.access_key:
        token = ", with the session token of AWS_SESSION_TOKEN, which expires" if storage.security_token else ""
        return f"the key of AWS_ACCESS_KEY_ID{token}"
    return machine_source() or "no credentials"


def machine_source() -> str:
    """Describe the role or file that gives this machine credentials, if any. Asking a metadata service can take seconds."""
    try:
        found = session().get_credentials()
    except (BotoCoreError, ClientError):
        return ""
    return SOURCES.get(found.method, found.method) if found else ""
