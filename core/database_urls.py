"""Turn connection strings, as users write them, into entries of Django's DATABASES.

Parameters that would break a promise of this project are replaced: no request waits longer than two seconds, and
acknowledged writes are durable. The entry lists them under "REPLACED", for the system checks. Each driver is imported
where it is used, so a server with one database does not load both.
"""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

from core import env

# An entry of DATABASES, or the parameters of a driver's connection. Each driver has its own.
DatabaseParameters = dict[str, Any]

# Parameters that Prisma reads from a URL and libpq refuses.
OF_PRISMA = (
    *("schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size"),
    *("sslaccept", "sslidentity", "sslpassword"),
)

# Connections are opened on demand and kept while they are used, so a database that is down gets few attempts. Each
# ends before the next one is due.
POOL = {"min_size": 0, "max_size": 16, "timeout": 2.0, "max_idle": 60.0, "reconnect_timeout": 1.0}
CONNECT_S = 2
ENCODE = "Special characters of a password are written in percent-encoding: @ is %40, # is %23."


def postgresql(url: str) -> DatabaseParameters:
    """Parse `postgresql://…`, with or without Prisma's parameters. Raises ValueError, whose message holds nothing of the URL."""
    import psycopg
    from psycopg import conninfo, pq

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("write postgresql://user:password@host:5432/name.")
    try:
        parts = urlsplit(url)
        # For libpq, + does not stand for a space.
        query = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
        kept = {name: value for name, value in query.items() if name not in OF_PRISMA}
        if "@" in parts.query and "@" not in parts.netloc:
            # The ? belongs to a password, so the rest is not a query.
            raise ValueError
        known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl"}
        unknown = [name if name.isascii() and name.isidentifier() else "one" for name in kept if name not in known]
        # Errors of the known parameters may quote the password.
        address = f"{url.partition('?')[0]}?{urlencode(kept, quote_via=quote)}"
        found = {} if unknown else conninfo.conninfo_to_dict(address)
    except (psycopg.ProgrammingError, ValueError):
        raise ValueError(f"libpq cannot read it. {ENCODE}") from None
    # A typing error in `sslmode` must not go unnoticed.
    if unknown:
        named = ", ".join(unknown)
        raise ValueError(f"libpq cannot read it: {named} after the ? is no parameter that it knows. Leave it out.")
    misplaced = parts.fragment or "@" in parts.path or "@" in str(found.get("host"))
    if misplaced or not str(found.get("port") or 5432).replace(",", "").isdigit():
        raise ValueError(f"host or port is wrong. {ENCODE}")
    name = found.pop("dbname", None)
    if not name or len(str(name).encode()) > 63:
        raise ValueError("name the database, in 63 bytes at most: postgresql://user:password@host:5432/name.")
    schema = query.get("schema", "public")
    if schema != "public":
        # Prisma keeps capitals.
        quoted = schema.replace('"', '""').replace("\\", r"\\").replace(" ", r"\ ")
        found["options"] = f'{found.get("options") or ""} -c search_path="{quoted}"'.strip()
    return {
        "ENGINE": "core.postgresql",
        "NAME": name,
        "USER": found.pop("user", ""),
        "PASSWORD": found.pop("password", ""),
        "HOST": found.pop("host", ""),
        "PORT": found.pop("port", ""),
        "OPTIONS": {"application_name": "talking-agent", **found, "connect_timeout": CONNECT_S, "pool": POOL},
        # psycopg treats a timeout of 1 second as 2.
        "REPLACED": ["connect_timeout"] if found.get("connect_timeout", "2") not in ("1", "2") else [],
        # pgbouncer lends a connection for one transaction only.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


# The driver notices at its next heartbeat that a server is back: after one second instead of ten.
MONITORING = {
    "heartbeatFrequencyMS": 1000,
    "serverSelectionTimeoutMS": CONNECT_S * 1000,
    "connectTimeoutMS": CONNECT_S * 1000,
}
# Acknowledged writes must be durable and readable. A URI that says otherwise is overruled.
ACKNOWLEDGED = {"w": "majority", "journal": True, "readPreference": "primary"}


def mongodb(uri: str) -> DatabaseParameters:
    """Parse `mongodb://…` or `mongodb+srv://…`. Raises ValueError, whose message holds nothing of the URI."""
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("write mongodb://host:27017/name or mongodb+srv://…")
    try:
        # A +srv address is looked up in the DNS when it is used, not here.
        parsed = parse_uri(uri.replace("mongodb+srv://", "mongodb://", 1), validate=False)
    except (PyMongoError, ValueError):
        raise ValueError(f"it cannot be read. {ENCODE}") from None
    found = parsed["options"]
    given = {"journal": found.get("j"), **found}
    ours = {
        name: value
        for name, value in ACKNOWLEDGED.items()
        if str(given.get(name) or value).lower() != str(value).lower()
    }
    too_long = [name for name, value in MONITORING.items() if _number(found.get(name, 0)) > value]
    return {
        "ENGINE": "core.mongodb",
        "HOST": uri,
        "NAME": parsed["database"] or "english-talking-agent",
        "OPTIONS": MONITORING | ours | {"appname": "talking-agent"},
        "REPLACED": [*too_long, *ours],
    }


def _number(value: str | float) -> float:
    try:
        return float(value)
    except ValueError:
        return 0


def configured(name: str) -> DatabaseParameters | None:
    """Parse the connection string in the setting DATABASE_URL or MONGODB_URI. None if it is not set."""
    url = env.text(name)
    try:
        return {"DATABASE_URL": postgresql, "MONGODB_URI": mongodb}[name](url) if url else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}{env.written_at(name)}") from None
