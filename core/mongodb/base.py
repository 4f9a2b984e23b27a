"""Adapt Django's MongoDB backend: a missing file that the URI names fails the connection.

So it is handled like a server that is down. A FileNotFoundError would pass through that code.
"""

from typing import Any

from django_mongodb_backend import base
from pymongo import MongoClient
from pymongo.errors import ConfigurationError

from core import files
from core.database_urls import DatabaseParameters
from core.json_types import Json

FILES = ("tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile")


def check_files(params: DatabaseParameters) -> None:
    """Raise ConfigurationError if a file cannot be read, naming the parameter and the file."""
    from pymongo.uri_parser import parse_uri

    uri = str(params.get("host") or "").replace("mongodb+srv://", "mongodb://", 1)
    named = parse_uri(uri, validate=False)["options"] if "://" in uri else {}
    for name in FILES:
        if path := named.get(name):
            files.require(name, path, ConfigurationError)


def client(params: DatabaseParameters, **more: Any) -> MongoClient[Json]:
    """Return a client. Raises ConfigurationError if a file cannot be used."""
    check_files(params)
    try:
        return MongoClient(**params, **more)
    except OSError as error:
        # The file does not hold a valid certificate.
        raise ConfigurationError(f"a file with certificates in the URI cannot be used: {error}") from error


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: DatabaseParameters) -> MongoClient[Json]:
        if self.alias not in self._connection_pools:
            self._connection_pools.setdefault(self.alias, client(conn_params, driver=self._driver_info()))
        return self._connection_pools[self.alias]
