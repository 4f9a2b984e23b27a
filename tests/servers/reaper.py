"""End the servers of a test run that was killed and cannot end them itself.

Reads lines from its input, `+PID` when a server starts and `-PID` when it has ended. The input ends with the test run.
Then the listed processes are killed, with all descendants.
"""

import contextlib
import sys
import time

import psutil


def family(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants, ancestors first. Return nothing if it is gone."""
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
    """Return whether the process is alive. A zombie is not, because its parent may take a second to collect it."""
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
