"""An exam goes through its parts by itself, says no correction, and ends after the last one."""

import pytest

from engines.local import partner
from tutor import scenario
from tutor.domain import Correction, Line
from tutor.scenario import Brief, Scenario, load_all

EXAMS = [one for one in load_all().values() if one.kind == "exam"]
ANSWER = "I work in a small office near the harbour, and I like it because my colleagues are friendly."
WRONG = Correction("I works", "I work", "With I: work.", "agreement", 0, 7, sure=True)


def sit(exam: Scenario, said: str = ANSWER, *, turns: int = 40, level: str = "B2") -> tuple[list[Line], bool]:
    """Answer until the exam ends. Return its lines, and whether it has ended."""
    brief = Brief(scenario=exam, level=level, seed="exam")
    lines = [Line("assistant", partner.opening(brief))]
    for _ in range(turns):
        answer = partner.answer(brief, lines, said, [WRONG])
        lines += [Line("user", said), Line("assistant", " ".join(answer.sentences))]
        if answer.ended:
            return lines, True
    return lines, False


@pytest.mark.parametrize("exam", EXAMS, ids=lambda one: one.id)
def test_the_parts_come_in_order_after_their_turns(exam: Scenario):
    lines, ended = sit(exam)
    assert ended
    spoken = [line.text for line in lines if line.role == "assistant"]
    began = [next(at for at, text in enumerate(spoken) if part.opening in text) for part in exam.parts[1:]]
    turns = [part.turns for part in exam.parts]
    assert began == [sum(turns[: number + 1]) for number in range(len(turns) - 1)]
    assert sum(line.role == "user" for line in lines) == sum(turns)
    assert any(closing in spoken[-1] for closing in exam.closings)


@pytest.mark.parametrize("exam", EXAMS, ids=lambda one: one.id)
@pytest.mark.parametrize("level", scenario.LEVELS)
def test_a_question_belongs_to_its_part(exam: Scenario, level: str):
    lines, _ = sit(exam, level=level)
    part = 1
    for line in lines:
        if line.role == "user":
            continue
        part = next(
            (number for number, one in enumerate(exam.parts, 1) if one.opening and one.opening in line.text), part
        )
        asked = [one for one in exam.follow_ups if one.found_in(line.text)]
        assert all(one.part in (0, part) for one in asked), line.text


@pytest.mark.parametrize("exam", EXAMS, ids=lambda one: one.id)
def test_no_mistake_is_corrected_aloud(exam: Scenario):
    lines, _ = sit(exam, "I works here in the big office of my father since three years.")
    assert not any("You said" in line.text or "I work" in line.text for line in lines if line.role == "assistant")


@pytest.mark.parametrize("exam", EXAMS, ids=lambda one: one.id)
def test_a_wish_to_hear_it_again_is_no_turn_of_the_long_part(exam: Scenario):
    brief, part = Brief(scenario=exam, level="B2", seed="exam"), exam.parts[1]
    lines, _ = sit(exam, turns=exam.parts[0].turns)
    assert part.opening in lines[-1].text
    answer = " ".join(partner.answer(brief, lines, "Can you repeat that, please?", []).sentences)
    assert exam.parts[2].opening not in answer
    # A turn of which no word was made out is none either.
    lines += [Line("user", ""), Line("assistant", "Sorry, what did you say?")]
    begun = " ".join(partner.answer(brief, lines, ANSWER, []).sentences)
    assert exam.parts[2].opening in begun


def test_a_goodbye_ends_an_exam_early():
    brief = Brief(scenario=EXAMS[0], level="B2", seed="exam")
    lines, _ = sit(EXAMS[0], turns=2)
    assert partner.answer(brief, lines, "Goodbye, I have to go.", []).ended
