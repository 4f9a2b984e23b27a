"""Hold what is expected of a learner at each level.

These are our own values, not those of an examination. An examination's levels rest on trained judges; these are counts.
"""

# How fast learners of a level speak in a conversation, pauses included.
WORDS_PER_MINUTE = {"A1": 60, "A2": 75, "B1": 95, "B2": 115, "C1": 130}
# Mistakes that the embedded corrector finds. There are more.
MISTAKES_PER_100_WORDS = {"A1": 14, "A2": 10, "B1": 7, "B2": 4.5, "C1": 3}
WORDS_PER_TURN = {"A1": 5, "A2": 8, "B1": 12, "B2": 16, "C1": 20}
# The share of different words among 40 words in a row.
VARIETY = {"A1": 0.60, "A2": 0.64, "B1": 0.68, "B2": 0.72, "C1": 0.75}
# Words of level B1 or higher in 100 words that have a level. Set on the even sentences of bench/correction_cases.
WORDS_ABOVE_A2 = {"A1": 1.0, "A2": 2.5, "B1": 5.0, "B2": 8.5, "C1": 12.0}
# Words between two silent pauses.
WORDS_PER_RUN = {"A1": 2.5, "A2": 3.5, "B1": 5.0, "B2": 6.5, "C1": 8.0}
