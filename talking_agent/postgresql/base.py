"""A frozen server answers nothing, and neither connect_timeout nor statement_timeout ends the wait: so every wait for the
server ends at the deadline of the operation it belongs to (`talking_agent.cloud`), and the connection is given up."""

import select
from typing import Any

import psycopg
import psycopg_pool
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import errors

from talking_agent import cloud

NO_ANSWER = "timeout: the server did not answer in time"


class Connection(psycopg.Connection[Any]):
    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        left = cloud.seconds_left()
        if left is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, left if timeout is None else min(left, timeout))
        except errors._WaitTimeout as error:
            self.pgconn.finish()  # what it was about to answer belongs to nobody any more
            raise errors.OperationalError(NO_ANSWER) from error


class Pool(psycopg_pool.ConnectionPool[Connection]):
    def getconn(self, timeout: float | None = None) -> Connection:
        left = cloud.seconds_left()
        longest = self.timeout if timeout is None else timeout
        longest = longest if left is None else max(0.0, min(longest, left))
        connection = super().getconn(longest)
        if not _hung_up(connection):
            return connection
        # The server was restarted, or something on the way closes what is idle. Is it there? The pool itself would find
        # each of its connections dead in turn, and ask a server that refuses for its whole timeout.
        connection.close()
        self.putconn(connection)
        self.drain()
        kwargs: Any = self.kwargs
        self.connection_class.connect(str(self.conninfo), **kwargs).close()
        return super().getconn(longest)


def _hung_up(connection: Connection) -> bool:
    """Nothing comes unasked on an idle connection but its end. Costs no round trip."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: dict[str, Pool] = {}
    _configure_connection: Any  # Django's own

    @property
    def pool(self) -> Pool | None:
        """As Django's, of our own classes."""
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

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if cloud.database.shuts_out(self.alias):
            raise errors.OperationalError("the database is down; it is being asked in the background")
        return super().get_new_connection(conn_params)

    def forget_connections(self) -> None:
        """Let go of the pool's idle connections: a server that was away does not know them any more. Raises what a new one is
        refused with: the pool would say only that it has none."""
        if self.pool:
            self.pool.drain()
            Connection.connect(**self.get_connection_params()).close()
