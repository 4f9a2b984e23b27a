"""How many cores there are to use, and what follows from that."""

import os
from pathlib import Path

import pytest

from core import machine
from talking_agent.tests.processes import run

SHOW = "from core import machine; machine.cores = lambda: {}; import talking_agent.settings as s; print(s.LOCAL_TALKS)"


@pytest.fixture
def quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that holds the container's quota, on a machine of eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "CPU_QUOTA", tmp_path / "cpu.max")
    return tmp_path / "cpu.max"


@pytest.mark.parametrize(
    ("written", "cores"),
    [
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("160000 100000", 2),
        ("50000 100000", 1),
        ("5000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000", 8),
        ("", 8),
        ("rubbish", 8),
    ],
)
def test_a_containers_quota_limits_the_cores(written: str, cores: int, quota: Path) -> None:
    quota.write_text(f"{written}\n")
    assert machine.cores() == cores


def test_without_a_container_all_cores_are_used(quota: Path) -> None:
    assert not quota.exists()
    assert machine.cores() == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Only Linux binds a process to cores.")
def test_only_cores_of_the_process_affinity_count(tmp_path: Path) -> None:
    code = "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
    done = run(f"{code}from core import machine; print(machine.cores())", tmp_path)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.parametrize(("cores", "talks"), [(1, 4), (2, 4), (3, 6), (16, 32)])
def test_two_talks_for_each_core_are_admitted_and_four_at_least(cores: int, talks: int, tmp_path: Path) -> None:
    done = run(SHOW.format(cores), tmp_path)
    assert done.stdout == f"{talks}\n", done.stderr
