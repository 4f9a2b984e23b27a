import hashlib
import os

from django.apps import apps as installed
from django.contrib.staticfiles import apps
from django.contrib.staticfiles.finders import get_finders
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

SOURCES = "sources.sha256"


class StaticFilesConfig(apps.StaticFilesConfig):
    # Files of drf-spectacular that /api/docs does not need. Compressing them at every start would take seconds.
    ignore_patterns = [*apps.StaticFilesConfig.ignore_patterns, "redoc", "swagger-ui-*.map", "oauth2-redirect*"]


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hash names inside `import … from "./x.js"` too, so that a module is never older than its page."""

    support_js_module_import_aggregation = True

    def save_manifest(self) -> None:
        super().save_manifest()
        self.delete(SOURCES)
        self._save(SOURCES, ContentFile(_fingerprint().encode()))

    def is_current(self) -> bool:
        """Return whether all static files are collected from the present sources."""
        try:
            there, _ = self.load_manifest()
            with self.open(SOURCES) as file:
                collected = file.read().decode(errors="replace")
        except (OSError, ValueError):
            return False
        return collected == _fingerprint() and bool(there) and all(self.exists(name) for name in there.values())


def _fingerprint() -> str:
    """Return a digest of the names, sizes and times of all sources."""
    ignored = installed.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list(ignored), key=lambda found: found[0]):
            stat = os.stat(storage.path(name))
            # Whole seconds, because archives and images store no more.
            digest.update(f"{name}\0{stat.st_size}\0{int(stat.st_mtime)}\n".encode())
    return digest.hexdigest()
