"""Name the levels of the European framework (CEFR) that a talk can have."""

# For the difficulties 1 to 5.
LEVELS = ("A1", "A2", "B1", "B2", "C1")
