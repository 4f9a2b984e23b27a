"""Connection strings, spelled as users have them, as entries of Django's DATABASES.

The drivers are imported where they are used: who has one database does not pay for both.
"""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

# What Prisma reads from the query of a URL and libpq refuses.
OF_PRISMA = (
    *("schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size"),
    *("sslaccept", "sslidentity", "sslpassword"),
)

# Connections are made when they are needed and kept while they are: a database that is down is not asked all the time, and
# an attempt is given up before the next one is due.
POOL = {"min_size": 0, "max_size": 16, "timeout": 2.0, "max_idle": 60.0, "reconnect_timeout": 1.0}
CONNECT_S = 2
ENCODE = "Special characters of a password are written in percent-encoding: @ is %40, # is %23."


def postgresql(url: str) -> dict[str, Any]:
    """`postgresql://…`, with or without Prisma's parameters. Raises ValueError; its message holds nothing of the URL."""
    import psycopg.conninfo

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("write postgresql://user:password@host:5432/name.")
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))  # to libpq + is no space
        kept = {name: value for name, value in query.items() if name not in OF_PRISMA}
        # What is wrong with the rest is said in words that may hold the password.
        found = psycopg.conninfo.conninfo_to_dict(f"{url.partition('?')[0]}?{urlencode(kept, quote_via=quote)}")
    except (psycopg.ProgrammingError, ValueError):
        raise ValueError(f"libpq cannot read it. {ENCODE}") from None
    misplaced = parts.fragment or "@" in parts.path or "@" in str(found.get("host"))
    if misplaced or not str(found.get("port") or 5432).replace(",", "").isdigit():
        raise ValueError(f"host or port is wrong. {ENCODE}")
    name = found.pop("dbname", None)
    if not name:
        raise ValueError("name the database: postgresql://user:password@host:5432/name.")
    schema = query.get("schema", "public")
    if schema != "public":
        quoted = schema.replace('"', '""').replace("\\", r"\\").replace(" ", r"\ ")  # Prisma keeps capitals
        found["options"] = f'{found.get("options") or ""} -c search_path="{quoted}"'.strip()
    return {
        "ENGINE": "talking_agent.postgresql",
        "NAME": name,
        "USER": found.pop("user", ""),
        "PASSWORD": found.pop("password", ""),
        "HOST": found.pop("host", ""),
        "PORT": found.pop("port", ""),
        "OPTIONS": {"connect_timeout": CONNECT_S, "application_name": "talking-agent", **found, "pool": POOL},
        "DISABLE_SERVER_SIDE_CURSORS": True,  # pgbouncer lends a connection for one transaction only
    }


def mongodb(uri: str) -> dict[str, Any]:
    """`mongodb://…` or `mongodb+srv://…`. Raises ValueError; its message holds nothing of the URI."""
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("write mongodb://host:27017/name or mongodb+srv://…")
    try:
        # A +srv address is looked up in the DNS when it is used, not here.
        name = parse_uri(uri.replace("mongodb+srv://", "mongodb://", 1), validate=False)["database"]
    except (PyMongoError, ValueError):
        raise ValueError(f"it cannot be read. {ENCODE}") from None
    limit = CONNECT_S * 1000
    # A server that is back is noticed at the driver's next heartbeat: every second, not every ten.
    monitoring = {"heartbeatFrequencyMS": 1000, "serverSelectionTimeoutMS": limit, "connectTimeoutMS": limit}
    return {
        "ENGINE": "django_mongodb_backend",
        "HOST": uri,
        "NAME": name or "english-talking-agent",
        "OPTIONS": monitoring | {"appname": "talking-agent"},
    }
