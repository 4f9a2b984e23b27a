#!/usr/bin/env python
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from core import file_modes

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
    file_modes.create_privately()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Not started. {error}")
    except OSError as error:
        from core.files import OF_THE_DISK, OURS

        # A traceback would say no more than this sentence.
        if error.errno not in OF_THE_DISK:
            raise
        began = "Not started." if "serve" in sys.argv[1:2] else "Stopped."
        sys.exit(f"{began} {error.filename or 'A file'} cannot be used: {error.strerror}. {OURS}")
