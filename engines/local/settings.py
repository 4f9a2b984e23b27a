"""Read the settings of the embedded engine."""

from core.env import existing_path

# Empty: the models in the packages of requirements-local.txt.
WHISPER_MODEL = existing_path("WHISPER_MODEL")
PIPER_VOICE = existing_path("PIPER_VOICE")
