"""Use the project's settings with a separate folder of data. Read no `.env` file, because it may hold real credentials."""

import os
import tempfile

from tests.setting_names import OF_ENGINES, settings_read

os.environ["ENV_FILES"] = ""
os.environ["DATA_DIR"] = os.environ.get("TEST_DATA_DIR") or tempfile.mkdtemp(prefix="talking-agent-tests-")
OWN = {"SECRET_KEY", "DEBUG", "APP_URL", "PORT", "HOST", "ALLOWED_HOSTS", "TUTOR_ENGINE", "ENGINE_PATIENCE"}
for name in OWN | settings_read(OF_ENGINES):
    os.environ.pop(name, None)

from talking_agent.settings import *  # noqa: E402, F403

STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
# Pages are rendered without `collectstatic`. The tests of the real server have run it.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405

# This database simulates that of the cloud in tests that need no real server. See `tests.clouds`.
DATABASES["cloud"] = sqlite("cloud.sqlite3")  # noqa: F405

# The databases are files, because the threads of a test cannot share a database in memory.
for alias, database in DATABASES.items():  # noqa: F405
    database["TEST"] = {"NAME": DATA_DIR / f"test-{alias}.sqlite3"}  # noqa: F405
# Milliseconds. A loaded machine may stall. Tests of this limit set their own value.
ENGINE_PATIENCE = 60_000
# A secure hasher takes a third of a second for each account.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
