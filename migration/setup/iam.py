"""Build the smallest IAM policies for the application, for `storage verify` and for `storage setup`."""

from audio.s3 import PROBES
from core.json_types import Json
from migration.setup.bucket_setting import FORMER_PROBES, OURS, RECORDINGS, Impossible, TargetBucket, Unsupported

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


def for_application(bucket: TargetBucket) -> Json:
    """Return the rights to keep, move, play and delete recordings, and to list: else a missing key is answered by 403."""
    # Servers of an earlier version may run beside this one. They write their test objects to another folder.
    folders = (RECORDINGS,) if bucket.prefix else (RECORDINGS, FORMER_PROBES)
    # A learner who erases everything must not leave old versions behind.
    actions = ("GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion")
    keys = _allow("Objects", actions, *(_keys(bucket, folder) for folder in folders))
    return _policy(keys, _allow("List", ("ListBucket", "ListBucketVersions"), bucket.arn))


def for_application_with_kms(bucket: TargetBucket) -> Json:
    """Return the rights for a bucket that is encrypted with a KMS key.

    If the bucket does not name its key, they cover all keys in the region, but only through S3.
    """
    policy = for_application(bucket)
    partition, region = bucket.client.meta.partition, bucket.region
    key = _kms_key(bucket) or f"arn:{partition}:kms:{region}:*:key/*"
    statement = _allow("EncryptAndDecrypt", ("GenerateDataKey", "Decrypt"), key, service="kms")
    statement["Condition"] = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    policy["Statement"].append(statement)
    return policy


def _kms_key(bucket: TargetBucket) -> str:
    """Return the ARN of the bucket's KMS key. Empty if there is none, or reading it is not allowed."""
    try:
        found = bucket.ask("get_bucket_encryption")
    except (Unsupported, Impossible, OSError):
        return ""
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "") for rule in rules]
    return next((key for key in keys if key.startswith("arn:") and ":key/" in key), "")


def for_verify(bucket: TargetBucket) -> Json:
    """Return the application's rights, and those of `storage verify` to read the bucket's settings."""
    policy = for_application(bucket)
    policy["Statement"].append(_allow("LookAtSettings", READ_BY_VERIFY, bucket.arn))
    return policy


def for_setup(bucket: TargetBucket) -> Json:
    """Return the rights of `storage setup`. It writes an object to test the encryption."""
    probe = _allow("TryOut", ("GetObject", "PutObject", "DeleteObject"), _keys(bucket, PROBES))
    configuration = _allow("Configure", ("ListBucket", *READ_OF_BUCKET, *CHANGED_BY_SETUP), bucket.arn)
    alarms = f"arn:{bucket.client.meta.partition}:cloudwatch:*:*:alarm:{OURS} {bucket.name}*"
    return _policy(
        configuration,
        probe,
        _allow("Alarms", ("PutMetricAlarm",), alarms, service="cloudwatch"),
        _allow("SeeAlarms", ("DescribeAlarms",), "*", service="cloudwatch"),
    )


def _keys(bucket: TargetBucket, folder: str) -> str:
    return f"{bucket.arn}/{bucket.prefix}{folder}*"


def _policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(title: str, actions: tuple[str, ...], *resources: str, service: str = "s3") -> Json:
    named = [f"{service}:{action}" for action in actions]
    return {"Sid": title, "Effect": "Allow", "Action": named, "Resource": list(resources)}
