"""What a bucket has lists of: rules of CORS and of the lifecycle, notifications. Ours are known by their ids; others stay."""

from typing import Any

from django.conf import settings

from migration.setup.aspect import OURS, Aspect, Bucket

Rule = dict[str, Any]


class Cors(Aspect):
    """The site's pages may read recordings. They write none: uploads go through the server."""

    name = "CORS"
    methods = ("GET", "HEAD")

    def is_now(self) -> str:
        allowed = {
            method for rule in self._rules() if _is_for(settings.APP_URL, rule) for method in rule["AllowedMethods"]
        }
        return _may([method for method in self.methods if method in allowed])

    def wanted(self) -> str:
        return _may(self.methods)

    def apply(self) -> None:
        rule = {
            "ID": f"{OURS} {settings.APP_URL}"[:255],
            "AllowedOrigins": [settings.APP_URL],
            "AllowedMethods": list(self.methods),
            "AllowedHeaders": ["Range"],
            "ExposeHeaders": ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
            "MaxAgeSeconds": 3600,
        }
        others = [each for each in self._rules() if each.get("ID") != rule["ID"]]
        self.bucket.ask("put_bucket_cors", CORSConfiguration={"CORSRules": [*others, rule]})

    def _rules(self) -> list[Rule]:
        return (self.bucket.ask("get_bucket_cors", absent=("NoSuchCORSConfiguration",)) or {}).get("CORSRules", [])


class LifecycleRule(Aspect):
    """What is deleted by the server after so many days. None: as many as there are, or else `default`; 0: never."""

    id: str
    verb = "deleted"
    default = 0

    def __init__(self, bucket: Bucket, days: int | None) -> None:
        super().__init__(bucket)
        self.days = days

    def rule(self, days: int) -> Rule:
        raise NotImplementedError

    def days_of(self, rule: Rule) -> int:
        raise NotImplementedError

    def is_now(self) -> str:
        return self._in_words(self._days_now())

    def wanted(self) -> str:
        return self._in_words(self._days_wanted())

    def apply(self) -> None:
        found, days = self._found(), self._days_wanted()
        kept = [_filtered(each) for each in found.get("Rules", []) if each.get("ID") != self.id]
        if days:
            kept.append({"ID": self.id, "Status": "Enabled", "Filter": {"Prefix": ""}} | self.rule(days))
        if not kept:
            self.bucket.ask("delete_bucket_lifecycle")
            return
        size = found.get("TransitionDefaultMinimumObjectSize")
        also = {"TransitionDefaultMinimumObjectSize": size} if size else {}
        self.bucket.ask("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": kept}, **also)

    def _found(self) -> dict[str, Any]:
        return self.bucket.ask("get_bucket_lifecycle_configuration", absent=("NoSuchLifecycleConfiguration",)) or {}

    def _days_now(self) -> int:
        ours = [each for each in self._found().get("Rules", []) if each.get("ID") == self.id]
        return self.days_of(ours[0]) if ours and ours[0]["Status"] == "Enabled" else 0

    def _days_wanted(self) -> int:
        return (self._days_now() or self.default) if self.days is None else self.days

    def _in_words(self, days: int) -> str:
        return f"{self.verb} after {days} days" if days else "kept for ever"


class OldVersions(LifecycleRule):
    name = "old versions"
    id = f"{OURS}-old-versions"
    default = 30

    def rule(self, days: int) -> Rule:
        return {
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        }

    def days_of(self, rule: Rule) -> int:
        return int(rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 0))


class UnfinishedUploads(LifecycleRule):
    name = "unfinished uploads"
    id = f"{OURS}-unfinished-uploads"
    verb = "given up"
    default = 7

    def rule(self, days: int) -> Rule:
        return {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days}}

    def days_of(self, rule: Rule) -> int:
        return int(rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0))


class OldRecordings(LifecycleRule):
    name = "old recordings"
    id = f"{OURS}-old-recordings"

    def rule(self, days: int) -> Rule:
        return {"Filter": {"Prefix": "audio/"}, "Expiration": {"Days": days}}

    def days_of(self, rule: Rule) -> int:
        return int(rule.get("Expiration", {}).get("Days", 0))


class Notifications(Aspect):
    name = "notifications"
    kinds = {"queue": ("QueueConfigurations", "QueueArn"), "topic": ("TopicConfigurations", "TopicArn")}

    def __init__(self, bucket: Bucket, *, queue: str = "", topic: str = "") -> None:
        super().__init__(bucket)
        self.destinations = {kind: arn for kind, arn in (("queue", queue), ("topic", topic)) if arn}

    def is_now(self) -> str:
        found = self._found()
        told = [each[arn] for lists, arn in self.kinds.values() for each in found.get(lists, []) if _is_ours(each)]
        return _told(told)

    def wanted(self) -> str:
        return _told(list(self.destinations.values()))

    def apply(self) -> None:
        wanted = self._found()
        for kind, (lists, arn) in self.kinds.items():
            kept = [each for each in wanted.get(lists, []) if not _is_ours(each)]
            if kind in self.destinations:
                kept.append(
                    {
                        "Id": f"{OURS}-{kind}",
                        arn: self.destinations[kind],
                        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "audio/"}]}},
                    }
                )
            wanted[lists] = kept
        self.bucket.ask("put_bucket_notification_configuration", NotificationConfiguration=wanted)

    def _found(self) -> dict[str, Any]:
        return self.bucket.ask("get_bucket_notification_configuration") or {}


def _is_ours(notification: Rule) -> bool:
    return str(notification.get("Id", "")).startswith(OURS)


def _told(arns: list[str]) -> str:
    return f"new and deleted recordings are told to {' and '.join(arns)}" if arns else "nobody is told"


def _is_for(origin: str, rule: Rule) -> bool:
    """An origin in a rule may have one asterisk."""
    for allowed in rule["AllowedOrigins"]:
        before, asterisk, after = allowed.partition("*")
        if origin == allowed or (asterisk and origin.startswith(before) and origin[len(before) :].endswith(after)):
            return True
    return False


def _may(methods: list[str] | tuple[str, ...]) -> str:
    return f"{settings.APP_URL} may {' and '.join(methods)}" if methods else f"nothing is allowed to {settings.APP_URL}"


def _filtered(rule: Rule) -> Rule:
    """A rule of the old spelling: S3 refuses those beside rules of the new one."""
    if "Prefix" not in rule:
        return rule
    return {name: value for name, value in rule.items() if name != "Prefix"} | {"Filter": {"Prefix": rule["Prefix"]}}
