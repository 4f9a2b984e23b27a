"""Ends the servers of a test run that cannot end them any more, because it was killed.

Reads lines from its input, `+PID` when a server starts and `-PID` when it has ended. The input ends with the test run:
what is still listed then is killed, with all descendants.
"""

import contextlib
import sys
import time

import psutil


def family(pid: int) -> list[psutil.Process]:
    """The process and all its descendants, ancestors first; nothing if it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_family(pid: int) -> None:
    members = family(pid)
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    deadline = time.monotonic() + 60
    while any(map(alive, members)) and time.monotonic() < deadline:
        time.sleep(0.005)


def alive(process: psutil.Process) -> bool:
    """A zombie is dead: whoever must collect it may take a second."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    running: set[int] = set()
    for line in sys.stdin:
        change = running.add if line[0] == "+" else running.discard
        change(int(line[1:]))
    for pid in running:
        kill_family(pid)


if __name__ == "__main__":
    main()
