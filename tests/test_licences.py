"""docs/licences.md lists the packages of the lock files, in their versions. Otherwise run `make licences`."""

import re

from scripts.licences import DOCUMENT, LOCKS, node_packages, python_packages


def listed(title: str) -> set[tuple[str, str]]:
    """Return the names and versions in the table under this title."""
    table = DOCUMENT.read_text().partition(f"## {title}")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| (\S+) \| (\S+) \|", table, re.MULTILINE)) - {("package", "version")}


def test_the_python_packages_are_those_of_the_lock_files() -> None:
    found = {(name, version) for name, version, _ in python_packages()}
    assert {name for name, _ in found} >= {"django", "piper-tts", "pytest"}
    assert listed("Python packages") == found


def test_the_node_packages_are_those_of_the_lock_file() -> None:
    found = {(name, version) for name, version, _ in node_packages()}
    assert "typescript" in {name for name, _ in found}
    assert listed("Node packages") == found


def test_every_package_has_a_licence() -> None:
    assert "not stated" not in DOCUMENT.read_text()
    assert {use for _, _, use in python_packages()} == set(LOCKS.values())
