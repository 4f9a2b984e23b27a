"""What can be wrong with a bucket, in sentences that an operator can act on. They hold no secret."""

from botocore import exceptions as boto
from urllib3 import exceptions as http

KEYS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
OLD_KEYS = "The session token is not valid or no longer: renew the credentials"
DENIED = "Access to the bucket {bucket} is denied: allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
ELSEWHERE = "The bucket {bucket} is in another region: check AWS_REGION"
BUSY = "{host} is too busy"
REFUSALS = {
    "InvalidAccessKeyId": f"The access key is not accepted: {KEYS}",
    "SignatureDoesNotMatch": f"The secret of the access key is not accepted: {KEYS}",
    "InvalidToken": OLD_KEYS,
    "ExpiredToken": OLD_KEYS,
    "AccessDenied": DENIED,
    "AllAccessDisabled": DENIED,
    "NoSuchBucket": "The bucket {bucket} does not exist: check S3_BUCKET_NAME",
    "InvalidBucketName": "{bucket} cannot be the name of a bucket: check S3_BUCKET_NAME",
    "PermanentRedirect": ELSEWHERE,
    "TemporaryRedirect": ELSEWHERE,
    "AuthorizationHeaderMalformed": ELSEWHERE,
    "IllegalLocationConstraintException": ELSEWHERE,
    "RequestTimeTooSkewed": "This machine's clock and that of {host} differ by more than 15 minutes: set it right",
    "SlowDown": BUSY,
    "ServiceUnavailable": BUSY,
    "InternalError": "{host} has an internal error",
}
# In this order: some are kinds of others.
TROUBLES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError), f"No credentials: {KEYS}"),
    ((boto.ProfileNotFound,), "AWS_PROFILE names credentials that are not there"),
    ((boto.ParamValidationError,), "{bucket} cannot be the name of a bucket: check S3_BUCKET_NAME"),
    ((boto.ProxyConnectionError, http.ProxyError), "The proxy to {host} cannot be used"),
    ((boto.SSLError, http.SSLError), "The certificate of {host} is not trusted, or it does not speak TLS"),
    ((http.NameResolutionError,), "The host name {host} is not known: check AWS_S3_ENDPOINT_URL and AWS_REGION"),
    ((boto.EndpointConnectionError, http.NewConnectionError), "{host} refused the connection, or cannot be reached"),
    ((boto.ConnectTimeoutError, http.ConnectTimeoutError), "{host} did not take the connection in time"),
    ((boto.ReadTimeoutError, http.ReadTimeoutError), "{host} did not answer in time"),
    ((boto.ConnectionClosedError, http.ProtocolError), "{host} closed the connection"),
)


def refusal(code: str, status: int, bucket: str, host: str) -> str:
    """What the server answered, by the code of its error ("" where it gave none) and its HTTP status."""
    what = REFUSALS.get(code, "{host} answers {status}")
    return f"{what.format(bucket=bucket, host=host, status=status)} ({code or status})."


def trouble(error: Exception, bucket: str, host: str) -> str:
    """Why there was no answer, by what boto3 or urllib3 raised."""
    what = next((words for kinds, words in TROUBLES if isinstance(error, kinds)), "{host} cannot be used")
    return f"{what.format(bucket=bucket, host=host)} ({type(error).__name__})."
