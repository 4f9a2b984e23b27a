import pytest

from audio.s3_error_codes import Refusal
from audio.s3_errors import Kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", Kind.NO_BUCKET),
        (404, "NoSuchKey", Kind.NO_OBJECT),
        (404, "NoSuchCORSConfiguration", Kind.NOT_SET),
        (404, "NoSuchBucketPolicy", Kind.NOT_SET),
        (404, "ServerSideEncryptionConfigurationNotFoundError", Kind.NOT_SET),
        (404, "NoSuchUpload", Kind.UNKNOWN),
        (409, "BucketAlreadyOwnedByYou", Kind.TAKEN),
        (400, "IllegalLocationConstraintException", Kind.LOCATION),
        (501, "", Kind.NOT_SUPPORTED),
        (405, "SomethingNew", Kind.NOT_SUPPORTED),
        (403, "", Kind.DENIED),
        (503, "", Kind.BUSY),
        (418, "", Kind.UNKNOWN),
    ],
)
def test_an_error_has_one_kind(status: int, code: str, kind: Kind) -> None:
    assert Refusal(status, code).kind is kind


def test_no_two_kinds_are_explained_alike() -> None:
    # Python would take the second for another name of the first.
    assert list(Kind) == list(Kind.__members__.values())
