"""End every wait for the PostgreSQL server at the deadline of its operation (`core.cloud`), and give up the connection.

A frozen server answers nothing, and neither connect_timeout nor statement_timeout ends that wait.
"""

import select
from collections.abc import Callable
from typing import Any, ClassVar, Self

import psycopg
import psycopg_pool
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

from core import cloud, files
from core.database_urls import DatabaseParameters

# Connection parameters that name a file. If sslrootcert does not exist, libpq connects without checking the server's
# certificate, unless sslmode asks for it.
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir")
NO_ANSWER = "timeout: the server did not answer in time"


class Connection(psycopg.Connection[TupleRow]):
    # The last refusal, until a connection succeeds again. A pool without connections does not say why.
    refusal: ClassVar[psycopg.Error | None] = None

    @classmethod
    def connect(cls, conninfo: str = "", **params: Any) -> Self:
        try:
            for name in FILES:
                # "system" stands for the certificates of the machine.
                if (path := params.get(name)) and path != "system":
                    files.require(name, path, errors.OperationalError)
            connection = super().connect(conninfo, **params)
        except psycopg.Error as error:
            Connection.refusal = error
            raise
        Connection.refusal = None
        return connection

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        left = cloud.seconds_left()
        if left is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, left if timeout is None else min(left, timeout))
        except errors._WaitTimeout as error:
            # Close the connection: a late answer would belong to no query.
            self.pgconn.finish()
            raise errors.OperationalError(NO_ANSWER) from error


class Pool(psycopg_pool.ConnectionPool[Connection]):
    def getconn(self, timeout: float | None = None) -> Connection:
        left = cloud.seconds_left()
        longest = self.timeout if timeout is None else timeout
        longest = longest if left is None else max(0.0, min(longest, left))
        try:
            connection = super().getconn(longest)
        except psycopg_pool.PoolTimeout as error:
            raise errors.OperationalError(str(Connection.refusal or error)) from error
        # The only event that arrives unasked on an idle connection is its end. Looking for it costs no round trip.
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return connection
        # The server was restarted, or something in between closed the idle connection. Check whether the server is there: the
        # pool itself would find each of its connections dead in turn, and ask a refusing server until its timeout.
        connection.close()
        self.putconn(connection)
        self.drain()
        assert isinstance(self.kwargs, dict)
        self.connection_class.connect(str(self.conninfo), **self.kwargs).close()
        return super().getconn(longest)


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: dict[str, Pool] = {}
    # Django's own method.
    _configure_connection: Callable[[Connection], None]

    @property
    def pool(self) -> Pool | None:
        """Return the pool as Django does, but of the classes above."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        if self.alias not in self._connection_pools:
            pool = Pool(
                kwargs=self.get_connection_params() | {"autocommit": True},
                connection_class=Connection,
                configure=self._configure_connection,
                open=False,
                **options,
            )
            self._connection_pools.setdefault(self.alias, pool)
        return self._connection_pools[self.alias]

    def get_new_connection(self, conn_params: DatabaseParameters) -> psycopg.Connection[TupleRow]:
        if cloud.database.shuts_out(self.alias):
            raise errors.OperationalError("the database is down; it is being asked in the background")
        return super().get_new_connection(conn_params)

    def forget_connections(self) -> None:
        """Drop the pool's idle connections, which a restarted server no longer knows. Raises the error of a new connection."""
        if self.pool:
            self.pool.drain()
            Connection.connect(**self.get_connection_params()).close()
