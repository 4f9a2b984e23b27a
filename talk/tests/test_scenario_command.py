"""`manage.py scenario check` refuses an unfit file, and shows what a sentence reaches in a good one."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

FOLDER = settings.BASE_DIR / "tutor" / "scenarios"
WEEKEND = (FOLDER / "weekend.toml").read_text(encoding="utf-8")


def checked(path: Path, *sentences: str) -> str:
    out = io.StringIO()
    call_command("scenario", "check", str(path), *sentences, stdout=out)
    return out.getvalue()


def manage(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "scenario", "check", *arguments]
    environment = os.environ | {"ENV_FILES": ""}
    return subprocess.run(
        command, cwd=settings.BASE_DIR, input=said, env=environment, capture_output=True, text=True, check=False
    )


def test_a_sentence_shows_what_it_reaches():
    first, _, rest = checked(FOLDER / "weekend.toml", "I went to the beach with my friends.").partition("\n")
    assert first == "weekend.toml is a good scenario: 3 goals, 19 follow-ups."
    lines = [line.strip() for line in rest.strip().splitlines()]
    assert lines[0] == "> I went to the beach with my friends."
    assert [line for line in lines if line.startswith("goal: ")] == [
        "goal: Say what you did last weekend",
        "goal: Say who was with you",
    ]
    assert "follow-up: What do you and your friends talk about?" in lines
    reply, hint = lines[-2:]
    assert reply.startswith("reply: ")
    assert reply.endswith("?")
    assert hint.startswith("hint: ")


def test_a_sentence_that_reaches_no_goal_is_reported():
    said = checked(FOLDER / "weekend.toml", "I don't know.")
    assert "  goal: none\n  follow-up: none\n" in said


def test_a_mistake_is_corrected_in_the_reply():
    assert '"I went"' in checked(FOLDER / "weekend.toml", "Yesterday I go to Paris and it was rainy.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('icon = "sun"', 'icon = "noon"', "mine.toml: icon: static/icons/sprite.svg has no symbol 'noon'"),
        ('kind = "chat"', 'kind = "talk"', "mine.toml: kind: must be one of"),
        ('take = "Sleep, I see."', "", r"mine.toml: follow_ups\[1\].take: belongs to `when`"),
    ],
)
def test_an_invalid_file_is_refused_naming_file_and_field(tmp_path: Path, old: str, new: str, message: str):
    assert old in WEEKEND
    path = tmp_path / "mine.toml"
    path.write_text(WEEKEND.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CommandError, match=f"^{message}"):
        checked(path, "I went home.")


@pytest.mark.real
def test_sentences_may_come_from_the_standard_input(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(WEEKEND, encoding="utf-8")
    done = manage(str(path), said="I stayed at home.\n\nI will visit my aunt.\n")
    assert done.returncode == 0
    assert done.stdout.count("\n> ") == 2
    assert "goal: Tell me your plans" in done.stdout


@pytest.mark.real
def test_an_invalid_file_ends_with_an_error(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(WEEKEND.replace('level = "A2"', 'level = "D1"'), encoding="utf-8")
    done = manage(str(path))
    assert done.returncode == 1
    assert done.stderr.strip() == "CommandError: mine.toml: level: must be one of A1, A2, B1, B2, C1, not 'D1'"


@pytest.mark.real
def test_a_missing_file_ends_with_an_error():
    done = manage("/nowhere/mine.toml")
    assert done.returncode == 1
    assert "/nowhere/mine.toml: cannot be read: No such file or directory" in done.stderr
