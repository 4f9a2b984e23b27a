"""Find the names of the settings that the project and each engine read."""

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OF_THE_PROJECT = ROOT / "talking_agent" / "settings.py"
OF_ENGINES = sorted((ROOT / "engines").glob("*/settings.py"))
# The functions of core.env, and os.environ.get.
READERS = {
    *("text", "several_lines", "networks", "price", "price_range", "country", "flag", "number", "one_of", "origin"),
    *("existing_path", "configured", "redis_url", "mail_server", "get"),
}


def settings_read(modules: Iterable[Path] = (OF_THE_PROJECT, *OF_ENGINES)) -> set[str]:
    nodes = [node for module in modules for node in ast.walk(ast.parse(module.read_text()))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and _called(node) in READERS]
    first = [call.args[0] for call in calls if call.args]
    return {each.value for each in first if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else str(getattr(call.func, "attr", ""))
