"""Read the settings of the embedded engine."""

from core.env import existing_path, text

# Empty: the models in the packages of requirements-local.txt.
WHISPER_MODEL = existing_path("WHISPER_MODEL")
# "off": no second opinion.
WHISPER_SECOND_MODEL = "off" if text("WHISPER_SECOND_MODEL").lower() == "off" else existing_path("WHISPER_SECOND_MODEL")
PIPER_VOICE = existing_path("PIPER_VOICE")
