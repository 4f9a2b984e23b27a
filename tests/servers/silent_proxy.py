"""Run a TCP proxy that can stop delivering: nothing is refused or closed, but no answer arrives."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SilentProxy:
    """Forward connections from a port to a server on this machine. Connections opened during `silence` never get an answer."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._silent = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def silence(self) -> Iterator[None]:
        self._silent.set()
        try:
            yield
        finally:
            self._silent.clear()

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                # This wakes the thread that reads from it.
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        # It is closed already.
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if not self._silent.is_set():
                    threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError), socket.create_connection(("127.0.0.1", self._to)) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if self._silent.is_set():
                        return self._wait_for_ever(server)
                    if not data:
                        client.close()
                        return None
                    (server if source is client else client).sendall(data)

    def _wait_for_ever(self, server: socket.socket) -> None:
        self._sockets.append(server.dup())
