import contextlib
import errno
import http.client
import os
import socket
import sys
import threading
import time
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

SWITCH_S = 0.0005  # for how long a thread that saves a turn may hold up the talks; Python's own 5 ms come again with every event
MAX_FRAME = 16 * 1024 * 1024  # bytes of one WebSocket message


class Command(BaseCommand):
    help = "Serves the site on HOST:PORT. DEBUG is off unless set."

    def handle(self, *args: Any, **options: Any) -> None:
        listener = self._listen()
        config = uvicorn.Config(
            "talking_agent.asgi:application",
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # TRUST_PROXY is Django's business
            ws_max_size=MAX_FRAME,
            ws_per_message_deflate=False,  # speech hardly shrinks, and trying costs more than sending it
            timeout_graceful_shutdown=10,
        )
        threading.Thread(target=self._greet, daemon=True).start()
        sys.setswitchinterval(SWITCH_S)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped in good order, and says again how
            uvicorn.Server(config).run(sockets=[listener])

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        # The protocol by its name: else asyncio leaves Nagle's algorithm on, and an answer waits 40 ms for an acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.HOST, settings.PORT))
            listener.listen()  # now, and not when the application is loaded: of two servers one must fail here
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            advice = f"Try PORT={settings.PORT + 1} make run." if used else "HOST must be an address of this machine."
            raise CommandError(
                f"{settings.HOST}:{settings.PORT} cannot be listened on: {error.strerror}. {advice}"
            ) from error
        return listener

    def _greet(self) -> None:
        """Say that the site is up when a page has really come, and how long that took since `make` was called."""
        began = float(os.environ.get("STARTED_AT") or time.time())
        pause = 0.05
        while not self._answers():
            time.sleep(pause)
            pause = min(pause * 1.2, 5.0)  # each time that fails may fill a page of the log
        self.stdout.write(f"Talking Agent is on {settings.APP_URL} (first page after {time.time() - began:.1f} s).")
        self.stdout.flush()  # a log file is to show it, too

    def _answers(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)
        connection = http.client.HTTPConnection(host, settings.PORT, timeout=5)
        try:
            connection.request("GET", "/", headers={"Host": "localhost"})
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()
