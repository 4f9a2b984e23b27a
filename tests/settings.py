"""The project's settings on a folder of their own. No `.env` file is read: real credentials live there."""

import os
import tempfile

os.environ["ENV_FILES"] = ""
os.environ["DATA_DIR"] = os.environ.get("TEST_DATA_DIR") or tempfile.mkdtemp(prefix="talking-agent-tests-")
for name in ("SECRET_KEY", "DEBUG", "APP_URL", "PORT", "HOST", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)
for name in [name for name in os.environ if name.startswith(("OPENAI_", "TUTOR_ENGINE", "ENGINE_"))]:
    del os.environ[name]

from talking_agent.settings import *  # noqa: E402, F403

STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
# Pages are rendered without `collectstatic` first; the real server's tests have run it.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405

# What stands for the cloud's database where no real server is needed: `tests.clouds`.
DATABASES["cloud"] = sqlite("cloud.sqlite3")  # noqa: F405

# Files, for the threads of a test cannot share a database in memory the way that they share a real one.
for alias, database in DATABASES.items():  # noqa: F405
    database["TEST"] = {"NAME": DATA_DIR / f"test-{alias}.sqlite3"}  # noqa: F405
ENGINE_PATIENCE = (
    60_000  # ms: a loaded machine stalls. Tests of an engine that is given up have a patience of their own
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a good one takes a third of a second per account
