from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hashed names inside `import … from "./x.js"` too, so that a module is never older than the page."""

    support_js_module_import_aggregation = True
