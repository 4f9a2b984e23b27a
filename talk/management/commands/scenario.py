import asyncio
import re
import sys
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError, CommandParser

from engines import engine
from tutor import hints, scenario
from tutor.domain import EngineError, Line
from tutor.scenario import Brief, Scenario
from tutor.toml_tables import DataFileError

SPRITE = "icons/sprite.svg"


class Command(BaseCommand):
    help = "Checks a scenario's file, and shows the goals and follow-ups that a learner's sentences reach."
    # The file is checked here, and nothing else is needed.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        check = actions.add_parser(
            "check",
            help="check a file and try sentences on it",
            description=(
                "Checks a scenario's file. Then takes each sentence as the answer to the scenario's first question, and shows"
                " the goals that it reaches, the follow-ups that take it up, what the embedded partner replies, and the hint"
                " for that reply. Sentences may also come from the standard input, one a line."
            ),
        )
        check.add_argument("file", type=Path, help="such as tutor/scenarios/weekend.toml")
        check.add_argument("sentences", nargs="*", metavar="SENTENCE")

    def handle(self, *args: object, file: Path, sentences: list[str], **options: object) -> None:
        try:
            loaded = scenario.load(file)
        except DataFileError as error:
            raise CommandError(str(error)) from error
        sprite = Path(str(finders.find(SPRITE))).read_text(encoding="utf-8")
        if loaded.icon not in re.findall(r'id="([\w-]+)"', sprite):
            raise CommandError(f"{file.name}: icon: static/{SPRITE} has no symbol {loaded.icon!r}")
        self.stdout.write(
            f"{file.name} is a good scenario: {len(loaded.goals)} goals, {len(loaded.follow_ups)} follow-ups."
        )
        if not sentences and not sys.stdin.isatty():
            sentences = [line.strip() for line in sys.stdin if line.strip()]
        try:
            for sentence in sentences:
                self._try(loaded, sentence)
        except EngineError as error:
            raise CommandError(f"The embedded partner cannot reply: {error.detail}") from error

    def _try(self, loaded: Scenario, said: str) -> None:
        brief = Brief(scenario=loaded, level=loaded.level, seed=loaded.id)
        partner = engine("local")
        opening = Line("assistant", asyncio.run(partner.chat([], brief=brief)))
        dialogue = [opening, Line("user", said)]
        reply = Line("assistant", asyncio.run(partner.chat(dialogue, brief=brief)))
        reached = [goal for goal, done in scenario.goals(brief, dialogue) if done]
        taken = [one.ask for one in loaded.follow_ups if any(pattern.search(said) for pattern in one.when)]
        self.stdout.write(f"\n> {said}")
        for name, found in (("goal", reached), ("follow-up", taken)):
            for text in found or ["none"]:
                self.stdout.write(f"  {name}: {text}")
        self.stdout.write(f"  reply: {reply.text}")
        self.stdout.write(f"  hint: {hints.hint(brief, [*dialogue, reply])}")
