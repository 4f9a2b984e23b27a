import contextlib
import errno
import http.client
import os
import socket
import sys
import threading
import time

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from talking_agent import prepare
from talking_agent.listener import BoundedHttp, BoundedWebSocket

# Seconds that a thread that saves a turn may delay the talks. Python's default of 5 ms would recur with every event.
SWITCH_S = 0.0005
# Bytes of one WebSocket message.
MAX_FRAME = 16 * 1024 * 1024
# Seconds that a stopping server has for saving the turns that were committed. Process managers wait 60 s before they kill it.
SHUTDOWN_S = 30


class Command(BaseCommand):
    help = "Serves the site on HOST:PORT. DEBUG is off unless set."

    def handle(self, *args: object, **options: object) -> None:
        # Listen first: of two servers that start at once, only the one that has the port prepares.
        listener = self._listen()
        for done in prepare.prepare():
            self.stdout.write(f"Prepared: {done}.")
        config = uvicorn.Config(
            "talking_agent.asgi:application",
            log_level="warning",
            access_log=False,
            http=BoundedHttp,
            ws=BoundedWebSocket,
            # Django handles TRUST_PROXY.
            proxy_headers=False,
            ws_max_size=MAX_FRAME,
            # Speech hardly shrinks, and compressing costs more than sending.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        threading.Thread(target=self._greet, daemon=True).start()
        sys.setswitchinterval(SWITCH_S)
        # uvicorn has shut down already, and raises the interrupt again.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        # Name the protocol: otherwise asyncio leaves Nagle's algorithm on, and an answer waits 40 ms for an acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.HOST, settings.PORT))
            # Listen now and not after loading the application, so that the second of two servers fails here.
            listener.listen()
        except (OSError, UnicodeError) as error:
            used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            advice = f"Try PORT={settings.PORT + 1} make run." if used else "HOST must be an address of this machine."
            why = getattr(error, "strerror", None) or "it is no address"
            raise CommandError(f"{settings.HOST}:{settings.PORT} cannot be listened on: {why}. {advice}") from error
        return listener

    def _greet(self) -> None:
        """Report that the site is up when a page has really loaded, and how long that took since `make` was called.

        Request a page that fails only once: each failure writes a traceback to the log.
        """
        began = float(os.environ.get("STARTED_AT") or time.time())
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)
        while True:
            connection = http.client.HTTPConnection(host, settings.PORT, timeout=5)
            with contextlib.closing(connection), contextlib.suppress(OSError):
                # Do not use the talk page, which loads the models.
                connection.request("GET", "/history", headers={"Host": "localhost"})
                status = connection.getresponse().status
                break
            time.sleep(0.05)
        if status >= 500:
            self.stderr.write(f"The first page answers {status}: the line above says why, and /readyz what is missing.")
            return
        self.stdout.write(f"Talking Agent is on {settings.APP_URL} (first page after {time.time() - began:.1f} s).")
        # Flush, so that a log file shows it, too.
        self.stdout.flush()
