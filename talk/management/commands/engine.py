import json
import resource
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench import learner_speech
from bench.words import SPEECH, transcribed
from engines.local import whisper_models
from engines.local.ears import Ears
from engines.local.whisper_models import ModelFiles
from tutor.domain import EngineError


class Command(BaseCommand):
    help = "Show the speech models of the embedded engine, fetch one, and measure one on this machine."
    # No database or page is needed.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        ears = actions.add_parser(
            "ears",
            help="speech models: which there are, what they cost, how well they hear",
            description=(
                "Lists the Whisper models that this machine has. The first one transcribes every turn, and the second one the"
                " turns that the first is not sure of (WHISPER_MODEL, WHISPER_SECOND_MODEL)."
            ),
        )
        ears.add_argument("--fetch", metavar="NAME", help="download a model from the Hugging Face Hub, such as small")
        ears.add_argument("--measure", metavar="NAME", help="measure a listed model as the second one")
        ears.add_argument(
            "--learners",
            type=Path,
            metavar="FOLDER",
            default=learner_speech.folder(),
            help="recordings of real learners to measure with (see bench/learner_speech.py)",
        )

    def handle(self, *args: object, fetch: str, measure: str, learners: Path, **options: object) -> None:
        try:
            if fetch:
                folder = whisper_models.fetch(fetch)
                self.stdout.write(f"{fetch} is in {folder}. To use it, set WHISPER_SECOND_MODEL={folder}")
            found = whisper_models.available()
            self._list(found)
            if measure:
                chosen = next((each for each in found if each.name == measure), None)
                if chosen is None:
                    raise CommandError(f"There is no model {measure!r} here. The list above has the names.")
                self._measure(chosen, learners)
        except EngineError as error:
            raise CommandError(str(error)) from error

    def _list(self, found: list[ModelFiles]) -> None:
        first, second = whisper_models.first(), whisper_models.second()
        used = {first.folders: "transcribes every turn"}
        if second:
            used[second.folders] = "transcribes turns in doubt, too"
        for each in found:
            self.stdout.write(
                f"{each.name:<10}{each.size_mb:>6} MB  {used.get(each.folders, 'not used'):<32}{each.place}"
            )
        if second is None:
            why = "is off" if settings.WHISPER_SECOND_MODEL == whisper_models.OFF else "finds none"
            self.stdout.write(f"There is no second opinion, because WHISPER_SECOND_MODEL {why}.")

    def _measure(self, chosen: ModelFiles, learners: Path) -> None:
        """Measure a model alone on clear speech, and on real learners as the second one beside the first."""
        first = whisper_models.load(whisper_models.first(), workers=2)
        alone = Ears(first)
        alone.warm()
        before, started = _memory_mb(), time.perf_counter()
        model = whisper_models.load(chosen, workers=1)
        Ears(model).warm()
        took_s, memory = time.perf_counter() - started, _memory_mb() - before
        self.stdout.write(f"\n{chosen.name}: loaded in {took_s:.1f} s, takes {memory:.0f} MB of memory.")
        said = json.loads((SPEECH / "transcripts.json").read_text(encoding="utf-8"))
        clear = [learner_speech.Clip(SPEECH / name, text, "report", "") for name, text in said.items()]
        self._hear("clear speech, this model alone", clear, Ears(model))
        clips = [one for one in learner_speech.clips(learners) if one.part == "report"]
        if not clips:
            self.stdout.write(learner_speech.NO_CLIPS.format(folder=learners))
            return
        self._hear("real learners, without a second opinion", clips, alone)
        self._hear("real learners, with a second opinion", clips, Ears(first, model))

    def _hear(self, name: str, clips: list[learner_speech.Clip], ears: Ears) -> None:
        turns = [learner_speech.heard(clip, lambda path: transcribed(path, ears)) for clip in clips]
        found = learner_speech.figures(turns)
        self.stdout.write(
            f"{name}, {found.clips} clips: word error rate {found.wer:.1%}, {found.cpu_s:.2f} s of CPU for a clip;"
            f" misheard {found.misheard}, of these asked again {found.misheard_doubted}; asked again in all {found.doubted};"
            f" word error rate of the others {found.accepted_wer:.1%}"
        )


def _memory_mb() -> float:
    """Return the memory of this process, its peak where the system does not tell the present one."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
