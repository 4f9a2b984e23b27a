"""Define the settings that are lists. Our entries are recognised by their ids, and all others stay."""

from django.conf import settings

from core.json_types import Json
from migration.setup.bucket_setting import OURS, RECORDINGS, Aspect, TargetBucket

Rule = Json


def id_of(bucket: TargetBucket, kind: str) -> str:
    """Return the id of our rule of this kind, which is different for each prefix in a bucket."""
    return f"{OURS}-{kind} {bucket.prefix}".rstrip(" /")


class Cors(Aspect):
    """Allow the site's pages to read recordings. They need no right to write, because uploads go through the server."""

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
        return self.bucket.ask("get_bucket_cors").get("CORSRules", [])


class LifecycleRule(Aspect):
    """Delete objects of ours after `days`. 0: never. None: keep the present number, or use `default`."""

    kind: str
    verb = "deleted"
    default = 0
    # The entry of the rule that holds the days, and their name in it.
    action = "Expiration"
    days_name = "Days"
    # Further entries of our rule.
    extra: Rule = {}

    def __init__(self, bucket: TargetBucket, days: int | None) -> None:
        super().__init__(bucket)
        self.days = days

    @property
    def id(self) -> str:
        return id_of(self.bucket, self.kind)

    def is_now(self) -> str:
        rule = self._ours()
        elsewhere = self._days_now() and _prefix_of(rule) != self._prefix
        where = f", under {_prefix_of(rule)}" if _prefix_of(rule) else ", in the whole bucket"
        return self._in_words(self._days_now()) + (where if elsewhere else "")

    def wanted(self) -> str:
        return self._in_words(self._days_wanted())

    def apply(self) -> None:
        found, days = self.bucket.ask("get_bucket_lifecycle_configuration"), self._days_wanted()
        kept = [_filtered(each) for each in found.get("Rules", []) if each.get("ID") != self.id]
        if days:
            rule = {"ID": self.id, "Status": "Enabled", "Filter": {"Prefix": self._prefix}}
            kept.append({**rule, self.action: {self.days_name: days}, **self.extra})
        if not kept:
            self.bucket.ask("delete_bucket_lifecycle")
            return
        size = found.get("TransitionDefaultMinimumObjectSize")
        also = {"TransitionDefaultMinimumObjectSize": size} if size else {}
        self.bucket.ask("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": kept}, **also)

    @property
    def _prefix(self) -> str:
        return f"{self.bucket.prefix}{RECORDINGS}"

    def _ours(self) -> Rule:
        rules = self.bucket.ask("get_bucket_lifecycle_configuration").get("Rules", [])
        return next((each for each in rules if each.get("ID") == self.id), {})

    def _days_now(self) -> int:
        rule = self._ours()
        return int(rule.get(self.action, {}).get(self.days_name, 0)) if rule.get("Status") == "Enabled" else 0

    def _days_wanted(self) -> int:
        return (self._days_now() or self.default) if self.days is None else self.days

    def _in_words(self, days: int) -> str:
        return f"{self.verb} after {days} days" if days else "kept for ever"


class OldVersions(LifecycleRule):
    name = "old versions"
    kind = "old-versions"
    default = 30
    action, days_name = "NoncurrentVersionExpiration", "NoncurrentDays"
    extra = {"Expiration": {"ExpiredObjectDeleteMarker": True}}


class UnfinishedUploads(LifecycleRule):
    name = "unfinished uploads"
    kind = "unfinished-uploads"
    verb = "given up"
    default = 7
    action, days_name = "AbortIncompleteMultipartUpload", "DaysAfterInitiation"


class OldRecordings(LifecycleRule):
    name = "old recordings"
    kind = "old-recordings"


class Notifications(Aspect):
    name = "notifications"
    kinds = {"queue": ("QueueConfigurations", "QueueArn"), "topic": ("TopicConfigurations", "TopicArn")}

    def __init__(self, bucket: TargetBucket, *, queue: str = "", topic: str = "") -> None:
        super().__init__(bucket)
        self.destinations = {kind: arn for kind, arn in (("queue", queue), ("topic", topic)) if arn}

    def is_now(self) -> str:
        found = self.bucket.ask("get_bucket_notification_configuration")
        ours = [each[arn] for lists, arn in self.kinds.values() for each in found.get(lists, []) if self._is_ours(each)]
        return _notified(ours)

    def wanted(self) -> str:
        return _notified(list(self.destinations.values()))

    def apply(self) -> None:
        wanted = self.bucket.ask("get_bucket_notification_configuration")
        for kind, (lists, arn) in self.kinds.items():
            kept = [each for each in wanted.get(lists, []) if not self._is_ours(each)]
            if kind in self.destinations:
                prefix = {"Name": "prefix", "Value": f"{self.bucket.prefix}{RECORDINGS}"}
                kept.append(
                    {
                        "Id": id_of(self.bucket, kind),
                        arn: self.destinations[kind],
                        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                        "Filter": {"Key": {"FilterRules": [prefix]}},
                    }
                )
            wanted[lists] = kept
        self.bucket.ask("put_bucket_notification_configuration", NotificationConfiguration=wanted)

    def _is_ours(self, notification: Rule) -> bool:
        return notification.get("Id") in [id_of(self.bucket, kind) for kind in self.kinds]


def _prefix_of(rule: Rule) -> str:
    """Return the prefix of a lifecycle rule, from any of the forms that its filter may have."""
    chosen = rule.get("Filter") or {}
    prefix: str = chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or rule.get("Prefix") or ""
    return prefix


def _notified(arns: list[str]) -> str:
    return f"new and deleted recordings are reported to {' and '.join(arns)}" if arns else "no notifications"


def _is_for(origin: str, rule: Rule) -> bool:
    """Return whether a CORS rule allows this origin. An origin in a rule may have one asterisk."""
    for allowed in rule["AllowedOrigins"]:
        before, asterisk, after = allowed.partition("*")
        if origin == allowed or (asterisk and origin.startswith(before) and origin[len(before) :].endswith(after)):
            return True
    return False


def _may(methods: list[str] | tuple[str, ...]) -> str:
    return f"{settings.APP_URL} may {' and '.join(methods)}" if methods else f"{settings.APP_URL} may do nothing"


def _filtered(rule: Rule) -> Rule:
    """Rewrite a rule of the old form to the new one. S3 refuses a mixture of both."""
    if "Prefix" not in rule:
        return rule
    return {name: value for name, value in rule.items() if name != "Prefix"} | {"Filter": {"Prefix": rule["Prefix"]}}
