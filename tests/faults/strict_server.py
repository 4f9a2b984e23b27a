"""Run the real server with short timeouts in the listener, so that a test need not wait for half a minute."""

import sys

from talking_agent import listener
from tests.servers import AgentServer

PATIENCE_S = 1.0


class StrictServer(AgentServer):
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.faults.strict_server"]


def serve() -> None:
    from django.core.management import execute_from_command_line

    for name in ("HEAD_S", "BODY_S", "STALL_S", "UNREAD_S", "LINGER_S"):
        setattr(listener, name, PATIENCE_S)
    listener.CHECK_EVERY = PATIENCE_S / 5
    # The tests come from this machine itself, which the limit does not count otherwise.
    listener._stands_for_others = lambda address: False
    execute_from_command_line(["manage.py", "serve"])


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
    serve()
