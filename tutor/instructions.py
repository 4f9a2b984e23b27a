"""The tutor's brief in words: what a language model is told before it talks with a learner. Whoever talks gets it from here."""

from tutor.scenario import Brief


def instructions(brief: Brief) -> str:
    """For the partner in a spoken conversation."""
    return (
        f"You are a friendly partner for practising spoken English. The learner's level is {brief.level} (CEFR). "
        f"The topic: {brief.topic or brief.scenario.title}. Answer in one or two short sentences and end with one question."
    )
