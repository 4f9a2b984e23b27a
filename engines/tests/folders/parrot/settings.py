from core.env import text

PARROT_ACCENT = text("PARROT_ACCENT", "plain")
