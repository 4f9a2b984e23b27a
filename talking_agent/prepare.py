"""Prepare what a server needs to start: migrated databases and collected static files. Does only what is missing."""

import errno
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from core import data_folders
from core.files import OURS
from talking_agent.staticfiles import ModuleManifestStorage


def prepare() -> list[str]:
    """Prepare this machine and return sentences about the work done.

    Databases elsewhere are left to the running server, which waits for them. Raises ImproperlyConfigured, with one
    sentence, if the preparation fails.
    """
    done: list[str] = []
    for alias in connections:
        connection = connections[alias]
        if connection.vendor != "sqlite":
            continue
        path = Path(connection.settings_dict["NAME"])
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                call_command("migrate", database=alias, verbosity=0, interactive=False)
                done.append(f"{path.name} was migrated")
            data_folders.try_writing_database(path)
        except DatabaseError as error:
            raise ImproperlyConfigured(f"{path} cannot be used: {error.__cause__ or error}. {OURS}") from error
        except OSError as error:
            # Existing data can be read while the disk is full.
            if error.errno != errno.ENOSPC:
                raise ImproperlyConfigured(f"{path} cannot be written: {error.strerror}. {OURS}") from error
        finally:
            connection.close()
    storage: object = staticfiles_storage
    if isinstance(storage, ModuleManifestStorage) and not storage.is_current():
        try:
            call_command("collectstatic", interactive=False, verbosity=0)
        except OSError as error:
            place = error.filename or settings.STATIC_ROOT
            raise ImproperlyConfigured(f"{place} cannot be written: {error.strerror}. {OURS}") from error
        done.append("the static files were collected")
    return done
