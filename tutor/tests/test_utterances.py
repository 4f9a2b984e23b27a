import pytest

from tutor.utterances import is_backchannel, is_unfinished


@pytest.mark.parametrize(
    "text", ["Mm-hmm.", "mhm", "Hmm...", "Okay.", "Right, right.", "Yeah!", "Oh, I see.", "Uh-huh", "Mm."]
)
def test_a_short_reaction_is_a_backchannel(text: str):
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text", ["", "No.", "Stop!", "Okay, but why?", "Right now.", "Yes, I have two.", "Wait.", "Good morning."]
)
def test_other_words_take_the_turn(text: str):
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't like it because...",
        "I don't like it because.",
        "My favorite food is the",
        "My favorite food is her.",
        "On Saturday we went to the...",
        "I live with my mother and",
        "Next year I want to.",
        "I was very",
        "He is taller than",
        "I went there with my,",
        "Um",
        "It costs, um.",
        "I was born in.",
        "It depends on",
        "My house is near, I walk to",
        "There are so many",
    ],
)
def test_an_incomplete_sentence_is_unfinished(text: str):
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I like it.",
        "I like her.",
        "Where are you from?",
        "What did you do that for?",
        "Yes, I am good at it.",
        "I think so.",
        "It is my own.",
        "Not really, but I want one.",
        "That is what I was looking for.",
        "I gave it to him.",
        "Yes, I am.",
        "Come in.",
        "Please turn it on.",
        "Let's go on.",
        "This is the house that I live in.",
        "I know who you are talking to.",
    ],
)
def test_a_complete_sentence_is_finished(text: str):
    assert not is_unfinished(text)
