"""Learners who have erased everything come back from no archive."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from conversations.models import Conversation, Erasure
from migration.archive import scrubbing
from migration.tests.test_archive import LEARNER, OTHER, backed_up, content, forget_everything, members, restored, talk
from tests.clouds import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return an archive with talks of two learners. One of them has erased everything since."""
    path = tmp_path / "all.tar"
    talk("theirs", learner=OTHER)
    backed_up(path, secret_key=True)
    (tmp_path / "expected").mkdir()
    path.rename(tmp_path / "expected" / "all.tar")
    talk("mine", voice=b"an erased voice")
    backed_up(path, secret_key=True)
    Erasure.objects.using("local").create(learner=LEARNER, requested_at=timezone.now())
    return path


def scrubbed(path: Path, capsys: Any, *options: str) -> Any:
    call_command("storage", "scrub", str(path), "--json", *options)
    return json.loads(capsys.readouterr().out)


def test_an_erased_learner_is_not_restored(path: Path) -> None:
    forget_everything()
    done = restored(path)
    assert (done.conversations, done.recordings, done.of_erased_learners) == (1, 1, 2)
    assert [row.learner for row in Conversation.objects.using("local").all()] == [OTHER]


def test_a_scrubbed_archive_is_as_if_the_learner_had_never_been_there(path: Path, tmp_path: Path, capsys: Any) -> None:
    report = scrubbed(path, capsys, "--yes")
    assert report["removed"]
    assert report["files"][str(path)] == {"conversations": 1, "recordings": 1}
    assert content(path) == content(tmp_path / "expected" / "all.tar")
    for word in (str(LEARNER).encode(), b"an erased voice"):
        assert word not in path.read_bytes()
    assert members(path)["secret_key"]
    forget_everything()
    assert restored(path).conversations == 1
    assert not scrubbed(path, capsys, "--yes")["removed"]


def test_without_confirmation_the_archive_stays(path: Path, capsys: Any) -> None:
    before = path.read_bytes()
    with pytest.raises(SystemExit) as ended:
        scrubbed(path, capsys)
    assert ended.value.code == 2
    assert path.read_bytes() == before


def test_an_interrupted_scrub_leaves_the_archive(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fails(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scrubbing.ArchiveWriter, "end", fails)
    with pytest.raises(KeyboardInterrupt):
        scrubbing.scrub(path, {LEARNER})
    assert path.read_bytes() == before
    assert list(path.parent.glob("*.partial")) == []
