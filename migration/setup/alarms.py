"""Set CloudWatch alarms on a bucket: for requests that fail, and for unusual growth."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from core.json_types import Json
from migration.setup.bucket_setting import OURS, Aspect, TargetBucket, Unsupported

# The name that the AWS console uses.
ALL_REQUESTS = "EntireBucket"
FIVE_MINUTES, A_DAY = 300, 86_400


@dataclass(frozen=True)
class Watched:
    """Describe a metric of S3 to watch.

    `above` is the limit for five minutes. None: CloudWatch's own estimate of the usual values is the limit.
    """

    title: str
    metric: str
    above: int | None = None
    storage_type: str = ""


WATCHED = (
    Watched("refused requests", "4xxErrors", above=100),
    Watched("failed requests", "5xxErrors", above=10),
    Watched("growth in bytes", "BucketSizeBytes", storage_type="StandardStorage"),
    Watched("growth in objects", "NumberOfObjects", storage_type="AllStorageTypes"),
)


def aspects(bucket: TargetBucket, topic: str) -> Iterator[Aspect]:
    yield RequestMetrics(bucket)
    for watched in WATCHED:
        yield Alarm(bucket, watched, topic)


class RequestMetrics(Aspect):
    """Count requests, as S3 does not by itself. It costs as much as CloudWatch's custom metrics."""

    name = "request metrics"

    def is_now(self) -> str:
        _require_cloudwatch(self.bucket)
        return self.wanted() if filter_of_all(self.bucket) else "off"

    def apply(self) -> None:
        counted = {"Id": ALL_REQUESTS}
        self.bucket.ask("put_bucket_metrics_configuration", Id=ALL_REQUESTS, MetricsConfiguration=counted)


class Alarm(Aspect):
    def __init__(self, bucket: TargetBucket, watched: Watched, topic: str) -> None:
        super().__init__(bucket)
        self.watched, self.topic = watched, topic
        self.name = f"alarm: {watched.title}"

    def is_now(self) -> str:
        found = self.bucket.ask_of(cloudwatch(self.bucket), "describe_alarms", AlarmNames=[self._title]) or {}
        alarms = found.get("MetricAlarms", [])
        if not alarms:
            return "off"
        # The order of lists does not matter.
        definition = self._definition().items()
        is_ours = all(_normal(alarms[0].get(name)) == _normal(value) for name, value in definition)
        return self.wanted() if is_ours else "other"

    def wanted(self) -> str:
        limit = "when it is unusual" if self.watched.above is None else f"above {self.watched.above} in five minutes"
        return f"{limit}, to {self.topic}"

    def apply(self) -> None:
        self.bucket.ask_of(cloudwatch(self.bucket), "put_metric_alarm", **self._definition())

    @property
    def _title(self) -> str:
        return f"{OURS} {self.bucket.name}: {self.watched.title}"

    def _definition(self) -> Json:
        common: Json = {"AlarmName": self._title, "AlarmActions": [self.topic], "EvaluationPeriods": 1}
        if self.watched.above is None:
            counted = self._metric(("StorageType", self.watched.storage_type))
            stat = {"Metric": counted, "Period": A_DAY, "Stat": "Average"}
            return common | {
                "ComparisonOperator": "GreaterThanUpperThreshold",
                "ThresholdMetricId": "expected",
                "Metrics": [
                    {"Id": "counted", "MetricStat": stat, "ReturnData": True},
                    {"Id": "expected", "Expression": "ANOMALY_DETECTION_BAND(counted, 3)", "ReturnData": True},
                ],
                # S3 sends this metric once a day.
                "TreatMissingData": "ignore",
            }
        return common | {
            **self._metric(("FilterId", filter_of_all(self.bucket) or ALL_REQUESTS)),
            "Statistic": "Sum",
            "Period": FIVE_MINUTES,
            "Threshold": float(self.watched.above),
            "ComparisonOperator": "GreaterThanThreshold",
            # S3 sends no data while there are no requests.
            "TreatMissingData": "notBreaching",
        }

    def _metric(self, also: tuple[str, str]) -> Json:
        named = [{"Name": name, "Value": value} for name, value in (("BucketName", self.bucket.name), also)]
        return {"Namespace": "AWS/S3", "MetricName": self.watched.metric, "Dimensions": named}


def filter_of_all(bucket: TargetBucket) -> str:
    """Return the id of the metrics on all requests to the bucket. Empty if they are not counted."""
    found = bucket.ask("list_bucket_metrics_configurations")
    return next((each["Id"] for each in found.get("MetricsConfigurationList", []) if "Filter" not in each), "")


def cloudwatch(bucket: TargetBucket) -> Any:
    """Return a CloudWatch client with the bucket's credentials. Raises Unsupported if there is no CloudWatch."""
    _require_cloudwatch(bucket)
    storage = bucket.storage
    return boto3.client(
        "cloudwatch",
        region_name=bucket.region,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key,
        aws_session_token=storage.security_token if storage.access_key else None,
    )


def _require_cloudwatch(bucket: TargetBucket) -> None:
    # A server that imitates AWS may have CloudWatch. boto3 reads its address from this variable.
    if bucket.storage.endpoint_url and not os.environ.get("AWS_ENDPOINT_URL_CLOUDWATCH"):
        raise Unsupported("There is no CloudWatch beside AWS_S3_ENDPOINT_URL.")


def _normal(value: object) -> object:
    if isinstance(value, dict):
        return {name: _normal(each) for name, each in value.items()}
    return sorted(map(_normal, value), key=repr) if isinstance(value, list) else value
