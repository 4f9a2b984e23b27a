from django.contrib.staticfiles import apps
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesConfig(apps.StaticFilesConfig):
    # What drf-spectacular brings and /api/docs does not need: compressing it at every start takes seconds.
    ignore_patterns = [
        *apps.StaticFilesConfig.ignore_patterns,
        "redoc",
        "swagger-ui-*.map",
        "oauth2-redirect*",
    ]


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hashed names inside `import … from "./x.js"` too, so that a module is never older than the page."""

    support_js_module_import_aggregation = True
