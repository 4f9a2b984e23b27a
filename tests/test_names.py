"""Names of modules and classes are unique, so that a search finds them at once.

Tests, migrations and benchmarks are exempt, because they are scripts.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Module names that Django requires, or that its projects commonly use.
OF_DJANGO = {
    *("admin", "apps", "checks", "middleware", "models", "permissions"),
    *("serializers", "settings", "tasks", "tests", "urls", "views"),
}
# Modules that every engine's folder has.
OF_ENGINES = {"declaration", "engine", "session", "settings"}
SHARED_CLASSES = {"Command", "DatabaseWrapper", "Meta"}


def sources() -> list[Path]:
    """Return the modules of all apps and of the simulators, relative to the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = [*project["tool"]["importlinter"]["root_packages"], "simulators"]
    found = [path.relative_to(ROOT) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if not {"tests", "migrations"} & set(path.parts)]


def shared(names: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    """Return the names that occur more than once, with their paths."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in names:
        places[name].append(str(path))
    return {name: found for name, found in places.items() if len(found) > 1}


def has_own_name(path: Path) -> bool:
    """Return whether the module's name is free, and not prescribed by Django or by the layout of the engines."""
    is_given = path.stem in {"__init__", *OF_DJANGO, *OF_ENGINES}
    return not (is_given or "commands" in path.parts or path.match("core/*/base.py"))


def test_module_names_are_unique() -> None:
    assert shared((path.stem, path) for path in sources() if has_own_name(path)) == {}


def test_class_names_are_unique() -> None:
    classes = [
        (node.name, path)
        for path in sources()
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASSES
    ]
    assert shared(classes) == {}


def test_the_sources_are_found() -> None:
    assert {Path("core/env.py"), Path("simulators/openai/models.py")} <= set(sources())
