"""Call the REST API with little overhead: over one connection that stays open while it is used."""

import http.client
import json
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

# Servers close a connection that has been idle for longer. In seconds.
KEEP_ALIVE = 3.0


class Rest:
    """Act as a new learner, or as the given one."""

    def __init__(self, url: str, learner: uuid.UUID | None = None) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._used_at = time.monotonic()
        self._headers = {"Content-Type": "application/json"}
        if learner:
            # This import needs Django, set up with the server's SECRET_KEY.
            from learners import cookie

            self._headers["Cookie"] = f"{cookie.NAME}={cookie.seal(learner)}"

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, json.dumps(body))

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, body: str | None = None) -> Any:
        if time.monotonic() - self._used_at > KEEP_ALIVE:
            self._connection.close()
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        self._used_at = time.monotonic()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        if "Cookie" not in self._headers and (cookie := answer.headers.get("Set-Cookie")):
            self._headers["Cookie"] = cookie.split(";")[0]
        return json.loads(data)
