"""Simulate an S3 server behind a bad network, by a proxy that answers some requests with an error, late, or not at all.

A seed decides which requests fail.
"""

import random
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager

from tests.servers.s3_proxy import ProxyHandler, S3Proxy, serving

FAULTS = ("500", "503", "slow", "reset", "lost answer")
CODES = {"500": "InternalError", "503": "SlowDown"}
LATE = 0.2  # seconds


class FlakyS3(S3Proxy):
    """`faults` counts the faults by name, `stored` the PUTs that got through."""

    def __init__(self, upstream: int, *, share: float, seed: int) -> None:
        super().__init__(upstream, Handler)
        self.share = share
        self.faults: Counter[str] = Counter()
        self.stored = 0
        self._random, self._lock = random.Random(seed), threading.Lock()

    def fault(self) -> str | None:
        """Choose the fault of the next request, None for no fault."""
        with self._lock:
            fault = self._random.choice(FAULTS) if self._random.random() < self.share else None
            if fault:
                self.faults[fault] += 1
            return fault

    def has_stored(self) -> None:
        with self._lock:
            self.stored += 1


class Handler(ProxyHandler):
    server: FlakyS3

    def handle_request(self, body: bytes) -> None:
        fault = self.server.fault()
        if fault == "reset":
            self.reset()
            return
        if fault and fault in CODES:
            self.refuse(int(fault), CODES[fault], "Please try again.")
            return
        time.sleep(LATE if fault == "slow" else 0)
        answer, data = self.pass_on(body)
        if self.command == "PUT" and answer.status < 300:
            self.server.has_stored()
        if fault == "lost answer":
            self.reset()
        else:
            self.answer_with(answer, data)


def flaky(port: int, *, share: float, seed: int) -> AbstractContextManager[FlakyS3]:
    """Run the proxy in front of the S3 server on this port."""
    return serving(FlakyS3(port, share=share, seed=seed))
