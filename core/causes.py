"""Find the cause of an error of the cloud, in words for the public: without a host, a name or a secret."""

import re

CONNECTION_REFUSED = "the connection is refused"
NO_ANSWER = "it does not answer"
CREDENTIALS_REFUSED = "the credentials are refused"
MISSING = "it does not exist"
WRITING_REFUSED = "writing is refused"
FILE_MISSING = "a file that it needs cannot be read"
FAILS = "it fails"

CLASSES = ((ConnectionError, CONNECTION_REFUSED), (TimeoutError, NO_ANSWER))
# PostgreSQL's SQLSTATEs. Two characters stand for their whole class. A server reports them in every language.
SQLSTATES = {
    "08": CONNECTION_REFUSED,
    "28": CREDENTIALS_REFUSED,
    "25006": WRITING_REFUSED,
    "3D000": MISSING,
    "3F000": MISSING,
    "42501": WRITING_REFUSED,
    "42P01": MISSING,
    "57014": NO_ANSWER,
    "57P01": CONNECTION_REFUSED,
    "57P02": CONNECTION_REFUSED,
    "57P03": CONNECTION_REFUSED,
}
# Codes of MongoDB's server: AuthenticationFailed, MaxTimeMSExpired, ShutdownInProgress, NotWritablePrimary,
# InterruptedAtShutdown, NotPrimaryNoSecondaryOk.
MONGODB_CODES = {
    18: CREDENTIALS_REFUSED,
    50: NO_ANSWER,
    91: CONNECTION_REFUSED,
    10107: WRITING_REFUSED,
    11600: CONNECTION_REFUSED,
    13435: WRITING_REFUSED,
}
# Errors of connecting have no code.
MESSAGES = (
    (r"names the file|file with certificates", FILE_MISSING),
    # This row comes first, because MongoDB's driver names its timeouts in every message.
    (r"refused|reset|closed|terminat|shut(ting)? ?down|starting up|recovery mode", CONNECTION_REFUSED),
    (r"time[d ]?[- ]?out|in time|get a connection|No replica set members|ServerSelectionTimeout", NO_ANSWER),
    (r"password|authenticat|credential|signature|access ?key|role .* does not", CREDENTIALS_REFUSED),
    (r"does not exist|no such|missing|waiting to be applied", MISSING),
    (r"read-?only|denied|not (allowed|authorized)|permission|not ?master|NotWritable", WRITING_REFUSED),
)


def cause_of(error: BaseException, line: str) -> str:
    """Return the cause by `public_cause`, else by class or code, else by `line`, the message from `cloud.sentence`."""
    if named := getattr(error, "public_cause", ""):
        return str(named)
    # Django's errors wrap the driver's.
    for each in (error, error.__cause__):
        sqlstate = str(getattr(each, "sqlstate", None) or "")
        found = [cause for kind, cause in CLASSES if isinstance(each, kind)]
        found += [cause for code, cause in SQLSTATES.items() if sqlstate.startswith(code)]
        found += [cause for code, cause in MONGODB_CODES.items() if getattr(each, "code", None) == code]
        if found:
            return found[0]
    return next((cause for pattern, cause in MESSAGES if re.search(pattern, line, re.I)), FAILS)
