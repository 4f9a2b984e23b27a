"""Explain the errors of database servers to operators: by code first, by words last."""

import re
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from django.db import Error as DjangoError
from django.db.backends.base.base import BaseDatabaseWrapper

from core import cloud
from migration.checks.database_servers import KINDS, host_of

CREDENTIALS = (
    "The user or the password is not accepted.",
    "Check user and password in {variable}. Special characters of a password are written in percent-encoding: @ is %40.",
)
NO_DATABASE = ("The server has no such database.", "Check the name at the end of {variable}, or create the database.")
READ_ONLY = ("The database is read-only.", "Point {variable} to the primary, or end its maintenance.")
NO_RIGHT = ("The user may not do this.", "Give the user of {variable} the right to read and write the database.")
CROWDED = ("The server takes no more connections.", "Raise max_connections, or put pgbouncer in front of it.")
STARTING = ("The server is just starting or stopping.", "Try again in a moment.")
# The fault and its remedy. {variable} is the setting with the address, {host} the host that it leads to.
Trouble: TypeAlias = tuple[str, str]

# By SQLSTATE, or by MongoDB's code. Atlas has one code for everything, so its errors are recognised by their words.
BY_CODE: dict[str | int | None, Trouble] = {
    **dict.fromkeys(("28P01", "28000", 18), CREDENTIALS),
    "3D000": NO_DATABASE,
    **dict.fromkeys(("25006", 10107, 13435, 13436), READ_ONLY),
    **dict.fromkeys(("42501", 13), NO_RIGHT),
    "53300": CROWDED,
    **dict.fromkeys(("57P03", "57P01", 91, 11600), STARTING),
}
# By the words of an error that has no code. libpq gives none while it connects.
BY_WORDS = (
    (
        r"unsupported startup parameter.*options",
        "pgbouncer refuses the schema that {variable} names.",
        "Leave ?schema=… out, and let the role find it: ALTER ROLE … SET search_path = …. Or connect to PostgreSQL itself.",
    ),
    (
        r"names the file|(certificate|private key|list) file|a file with certificates",
        "A file that {variable} names cannot be used.",
        "Put it there, readable by the user who runs the server, or change {variable}.",
    ),
    (r"password|authentication failed|role .* does not exist", *CREDENTIALS),
    (r"database .* does not exist|not currently accepting", *NO_DATABASE),
    (r"read-?only", *READ_ONLY),
    (r"not authorized|permission denied|Unauthorized|not allowed", *NO_RIGHT),
    (r"too many (connections|clients)|remaining connection slots", *CROWDED),
    (
        r"refused",
        "{host} refuses the connection.",
        "See whether the database runs, and whether host and port in {variable} are right.",
    ),
    (
        r"resolve|Name or service|nodename|getaddrinfo|DNS",
        "The host name {host} is not known.",
        "Check the host in {variable}.",
    ),
    (
        r"SSL|TLS|certificate",
        "No encrypted connection can be made to {host}.",
        "Check sslmode (or tls) in {variable}, and the certificate.",
    ),
    (r"starting up|shutting down|recovery", *STARTING),
    (
        r"time[d ]?[- ]?out|in time|NetworkTimeout|No replica set",
        "{host} does not answer in time.",
        "See whether the database runs, and whether a firewall is in between ({variable}).",
    ),
    (r"", "{host} cannot be used.", "Check {variable}, and the database's own log."),
)


def in_words(error: Exception, wrapper: BaseDatabaseWrapper) -> tuple[str, str]:
    """Return what an error of this database means, with the server's own words but no password, and what to do."""
    server = KINDS[wrapper.vendor](wrapper)
    # Django's errors wrap the driver's.
    wrapped = error.__cause__ if isinstance(error, DjangoError) else None
    cause = wrapped if isinstance(wrapped, Exception) else error
    code, line = server.code(cause), cloud.sentence(cause)
    host = str(wrapper.settings_dict["HOST"])
    given = wrapper.settings_dict.get("PASSWORD"), urlsplit(host).password if "://" in host else None
    for password in {form for each in given if each for form in (str(each), unquote(str(each)))}:
        line = line.replace(password, "…")
    what, do = BY_CODE.get(code) or next(
        (what, do) for pattern, what, do in BY_WORDS if re.search(pattern, f"{type(cause).__name__}: {line}", re.I)
    )
    names = {"host": host_of(server), "variable": server.variable}
    return f"{what.format(**names)} The error: “{line}”", server.hint(code) + do.format(**names)
