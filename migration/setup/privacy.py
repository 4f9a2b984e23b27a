"""Define a bucket's existence, and the settings that keep it private and safe."""

import json

from core.json_types import Json
from migration.setup.bucket_setting import Aspect, Impossible, Unsupported

# The second means anyone with an AWS account.
EVERYBODY = ("/global/AllUsers", "/global/AuthenticatedUsers")
BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Existence(Aspect):
    name = "bucket"
    is_needed_by_all = True

    def is_now(self) -> str:
        return self.wanted() if self.bucket.exists() else "there is no bucket"

    def wanted(self) -> str:
        return f"{self.bucket.name} is there"

    def apply(self) -> None:
        # us-east-1 is the default. S3 refuses a request that names it.
        is_default = self.bucket.region in ("us-east-1", "auto")
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.bucket.region}}
        self.bucket.ask("create_bucket", **({} if is_default else elsewhere))


class PublicAccessBlock(Aspect):
    name = "public access block"

    def is_now(self) -> str:
        found = self.bucket.ask("get_public_access_block")
        blocked = found.get("PublicAccessBlockConfiguration", {})
        missing = [name for name in BLOCKED if not blocked.get(name)]
        return f"off: {', '.join(missing)}" if missing else self.wanted()

    def apply(self) -> None:
        self.bucket.ask("put_public_access_block", PublicAccessBlockConfiguration=dict.fromkeys(BLOCKED, True))


class Policy(Aspect):
    """Remove the statements of the bucket's policy that allow public access. The other statements stay."""

    name = "bucket policy"
    target = "not public"

    def is_now(self) -> str:
        statements = self._statements()
        if opened := [each.get("Sid") or number for number, each in enumerate(statements, 1) if _is_public(each)]:
            return f"public by {', '.join(f'statement {each}' for each in opened)}"
        if statements and self._server_says_public():
            raise Impossible(
                "A statement with a condition makes the bucket public: change the bucket's policy by hand."
            )
        return self.wanted()

    def apply(self) -> None:
        found = self._document()
        found["Statement"] = [each for each in self._statements() if not _is_public(each)]
        if found["Statement"]:
            self.bucket.ask("put_bucket_policy", Policy=json.dumps(found))
        else:
            self.bucket.ask("delete_bucket_policy")

    def _document(self) -> Json:
        found = self.bucket.ask("get_bucket_policy")
        return json.loads(found["Policy"]) if found else {}

    def _statements(self) -> list[Json]:
        statements = self._document().get("Statement", [])
        return statements if isinstance(statements, list) else [statements]

    def _server_says_public(self) -> bool:
        try:
            status = self.bucket.ask("get_bucket_policy_status")
        except Unsupported:
            return False
        return bool(status.get("PolicyStatus", {}).get("IsPublic"))


class AccessList(Aspect):
    """Remove public grants from the bucket's ACL. Its other grants stay."""

    name = "access list"
    target = "private"

    def is_now(self) -> str:
        grants = self.bucket.ask("get_bucket_acl").get("Grants", [])
        opened = [grant["Permission"] for grant in grants if _is_for_everybody(grant)]
        return f"public: {', '.join(opened)}" if opened else self.wanted()

    def apply(self) -> None:
        there = self.bucket.ask("get_bucket_acl")
        kept = [grant for grant in there.get("Grants", []) if not _is_for_everybody(grant)]
        self.bucket.ask("put_bucket_acl", AccessControlPolicy={"Grants": kept, "Owner": there["Owner"]})


class Encryption(Aspect):
    """Turn encryption on, with the server's own keys. Another kind of encryption is kept."""

    name = "encryption"

    def is_now(self) -> str:
        found = self.bucket.ask("get_bucket_encryption")
        rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        return self.wanted() if any("ApplyServerSideEncryptionByDefault" in rule for rule in rules) else "off"

    def apply(self) -> None:
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.bucket.ask("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [default]})
        try:
            self.bucket.storage.probe()
        except OSError as error:
            # A server without a key for it accepts the setting, and then refuses every object.
            self.bucket.ask("delete_bucket_encryption")
            raise Unsupported("Nothing could be written with it, so it was switched off again.") from error


class Versioning(Aspect):
    name = "versioning"

    def is_now(self) -> str:
        found = self.bucket.ask("get_bucket_versioning")
        return {"Enabled": self.wanted(), "Suspended": "suspended"}.get(found.get("Status", ""), "off")

    def apply(self) -> None:
        self.bucket.ask("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})


# Those of the whole bucket, in the order in which to change them.
SETTINGS = (PublicAccessBlock, Policy, AccessList, Encryption, Versioning)


def _is_public(statement: Json) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    everybody = "*" in (named if isinstance(named, list) else [named])
    return statement.get("Effect") == "Allow" and everybody and not statement.get("Condition")


def _is_for_everybody(grant: Json) -> bool:
    return str(grant.get("Grantee", {}).get("URI", "")).endswith(EVERYBODY)
