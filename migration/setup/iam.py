"""The least that has to be allowed: to the application, and to whoever sets the bucket up."""

from typing import Any

from migration.setup.aspect import OURS, Bucket

KEYS = ("audio/*", "probe/*")
READ_BY_VERIFY = (
    "GetBucketPublicAccessBlock",
    "GetBucketVersioning",
    "GetLifecycleConfiguration",
    "GetEncryptionConfiguration",
)
READ_OF_BUCKET = (
    *("GetBucketLocation", "GetBucketPublicAccessBlock", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketAcl"),
    *("GetBucketCORS", "GetBucketVersioning", "GetLifecycleConfiguration", "GetEncryptionConfiguration"),
    *("GetBucketNotification", "GetMetricsConfiguration"),
)
CHANGED_BY_SETUP = (
    *("CreateBucket", "PutBucketPublicAccessBlock", "PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl"),
    *("PutBucketCORS", "PutBucketVersioning", "PutLifecycleConfiguration", "PutEncryptionConfiguration"),
    *("PutBucketNotification", "PutMetricsConfiguration"),
)


def for_application(bucket: Bucket) -> dict[str, Any]:
    """Listing is needed for a missing key to be told from a forbidden one."""
    keys = _allow("Objects", ("GetObject", "PutObject", "DeleteObject"), *(f"{bucket.arn}/{key}" for key in KEYS))
    return _policy(keys, _allow("List", ("ListBucket",), bucket.arn))


def for_verify(bucket: Bucket) -> dict[str, Any]:
    """And to see how the bucket is set up, for `verify` to tell."""
    policy = for_application(bucket)
    policy["Statement"].append(_allow("LookAtSettings", READ_BY_VERIFY, bucket.arn))
    return policy


def for_setup(bucket: Bucket) -> dict[str, Any]:
    """Writing under `probe/` is needed to try the encryption out."""
    probe = _allow("TryOut", ("GetObject", "PutObject", "DeleteObject"), f"{bucket.arn}/probe/*")
    configuration = _allow("Configure", ("ListBucket", *READ_OF_BUCKET, *CHANGED_BY_SETUP), bucket.arn)
    partition = bucket.client.meta.partition
    alarms = f"arn:{partition}:cloudwatch:*:*:alarm:{OURS} {bucket.name}*"
    return _policy(
        configuration,
        probe,
        {"Sid": "Alarms", "Effect": "Allow", "Action": ["cloudwatch:PutMetricAlarm"], "Resource": [alarms]},
        {"Sid": "SeeAlarms", "Effect": "Allow", "Action": ["cloudwatch:DescribeAlarms"], "Resource": ["*"]},
    )


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(title: str, actions: tuple[str, ...], *resources: str) -> dict[str, Any]:
    return {
        "Sid": title,
        "Effect": "Allow",
        "Action": [f"s3:{action}" for action in actions],
        "Resource": list(resources),
    }
