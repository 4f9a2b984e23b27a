"""One talk can be taken along as Markdown, as subtitles and as a ZIP file, and no word of it becomes markup."""

import asyncio
import io
import json
import uuid
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import cmarkgfm
import pysubs2
import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import storages

from audio.encoding import Clip
from conversations import store
from conversations.drafts import Draft
from own_data import download_views, talk_files, talk_markdown
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = (
    "<img src=x onerror=alert(1)> [click](javascript:alert(1)) ![x](https://evil.example/x) https://evil.example "
    "www.evil.example me@evil.example <https://evil.example> `code` *bold* _it_ # no\n# heading\n- list\n\n    code & &lt; ~~s~~"
)
FILE = "/api/conversations/talk-1/file"


def talk(learner: uuid.UUID, *messages: Draft, title: str = "At the café: «été» 旅行") -> None:
    store.save(learner, "talk-1", columns={"title": title, "timestamp": AT}, messages=messages)


def said(number: int, role: str, text: str, seconds: float = 0.0, **fields: Any) -> Draft:
    clip = Clip(b"sound %d" % number, "audio/webm", seconds) if seconds else None
    return Draft(f"{role}-{number}", role, text, AT, audio=clip, **fields)


def body(answer: Any) -> bytes:
    async def read() -> bytes:
        pieces: AsyncIterator[bytes] = answer.streaming_content
        return b"".join([piece async for piece in pieces])

    return async_to_sync(read)() if answer.streaming else answer.content


def rendered(markdown: str) -> str:
    """Return the Markdown as HTML, as GitHub does, with its bare links."""
    return str(cmarkgfm.github_flavored_markdown_to_html(markdown))


def test_markdown_has_words_and_corrections(owner: LearnerClient) -> None:
    correction = {"said": "have 20 years", "better": "am 20", "why": "Age goes with “be”.", "category": "verb"}
    talk(
        owner.learner,
        said(1, "assistant", "How old are you?"),
        said(2, "user", "I have 20 years.", corrections=[correction]),
    )
    answer = owner.get(FILE)
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (
        "filename*=utf-8''2026-11-20%20At%20the%20caf%C3%A9%20%C3%A9t%C3%A9%20%E6%97%85%E8%A1%8C.md"
        in answer.headers["Content-Disposition"]
    )
    text = answer.content.decode()
    assert "**Agent:** How old are you?" in text
    assert "> You said “have 20 years”. Better: “am 20”. Age goes with “be”." in text


def test_no_word_becomes_markup_in_markdown(owner: LearnerClient) -> None:
    correction = {"said": HOSTILE, "better": HOSTILE, "why": HOSTILE, "category": "verb"}
    talk(
        owner.learner,
        said(1, "user", HOSTILE, corrections=[correction]),
        said(2, "assistant", HOSTILE),
        title=HOSTILE[:200],
    )
    page = rendered(owner.get(FILE).content.decode())
    tags = {part.partition(">")[0].split()[0].strip("/") for part in page.split("<")[1:]}
    assert tags == {"h1", "p", "strong", "blockquote"}
    assert page.count("<h1>") == 1
    assert "alert(1)" in page


@pytest.mark.parametrize(
    "words", ["a*b_c`d", "1. one", "C:\\new\\file", "5 < 6 & 7 > 2", "\\*", "#1", "a | b", "[x]: y"]
)
def test_escaped_words_read_as_they_were_said(words: str) -> None:
    from html import unescape

    assert unescape(rendered(f"**You:** {talk_markdown.escaped(words)}")) == f"<p><strong>You:</strong> {words}</p>\n"


def test_subtitles_follow_the_recordings(owner: LearnerClient) -> None:
    long = (
        "I went to the market and bought apples, pears, bread, cheese and milk, and then I met an old friend of mine."
    )
    talk(
        owner.learner,
        said(1, "assistant", "Hello!", 1.5),
        said(2, "user", long, 8.0),
        said(3, "user", "fifteen letters"),
        said(4, "user", "--> <b>{\\an8}\\Nbye</b>", 2.0),
        said(5, "user", "", 3.0),
        said(6, "assistant", "Goodbye.", 1.0, measured={}),
    )
    answer = owner.get(f"{FILE}?type=srt")
    assert answer.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    read = pysubs2.SSAFile.from_string(answer.content.decode(), format_="srt")
    times = [(line.start, line.end) for line in read]
    assert times[0] == (0, 1500)
    # The long message has two cues, which follow each other.
    assert (times[1][0], times[2][1]) == (1500, 9500)
    assert times[1][1] == times[2][0]
    # No recording: a second for fifteen characters.
    assert times[3] == (9500, 10500)
    assert times[4] == (10500, 12500)
    # A message without words takes its time.
    assert times[5] == (15500, 16500)
    assert len(read) == 6
    assert " ".join(line.plaintext.replace("\n", " ") for line in read[1:3]) == f"You: {long}"
    assert all(len(row) <= 42 for line in read for row in line.plaintext.split("\n"))
    # Nothing of the learner's is taken as markup.
    assert read[4].plaintext == "You: --) (b)(/an8)/Nbye(/b)"


@pytest.mark.parametrize(
    "words", ["word " * 60, "extraordinarily " * 20, "to be or not to be that is the question " * 9]
)
def test_no_cue_has_more_than_two_lines(owner: LearnerClient, words: str) -> None:
    talk(owner.learner, said(1, "user", words, 60.0))
    read = pysubs2.SSAFile.from_string(owner.get(f"{FILE}?type=srt").content.decode(), format_="srt")
    rows = [line.plaintext.split("\n") for line in read]
    assert all(len(lines) <= 2 for lines in rows)
    assert " ".join(row for lines in rows for row in lines) == f"You: {words.strip()}"
    assert (read[0].start, read[-1].end) == (0, 60_000)


@pytest.mark.parametrize("type", ["markdown", "srt"])
def test_a_file_is_not_written_on_the_event_loop(
    owner: LearnerClient, type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(owner.learner, said(1, "user", "Hi."))

    def write(stored: store.StoredConversation) -> str:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return "written"

    monkeypatch.setattr(download_views.talk_markdown, "of", write)
    monkeypatch.setattr(download_views.subtitles, "of", write)
    assert owner.get(f"{FILE}?type={type}").content == b"written"


def test_a_correction_that_the_learner_called_wrong_is_left_out(owner: LearnerClient) -> None:
    right = {"said": "have 20 years", "better": "am 20", "why": "", "category": "verb"}
    wrong = {"said": "old", "better": "ancient", "why": "", "category": "words", "disputed": 1714521600000}
    talk(owner.learner, said(1, "user", "I have 20 years old.", corrections=[right, wrong]))
    text = owner.get(FILE).content.decode()
    assert "am 20" in text
    assert "ancient" not in text


def test_a_long_name_of_rare_letters_is_valid(owner: LearnerClient) -> None:
    talk(owner.learner, said(1, "user", "Hi."), title="\N{MATHEMATICAL BOLD CAPITAL A}" * 100)
    stored = store.get(owner.learner, "talk-1")
    assert stored
    name = talk_files.name(stored)
    # In an export, the folder has eight digits more.
    assert len(f"{name} 12345678".encode()) < 255
    assert name.endswith("\N{MATHEMATICAL BOLD CAPITAL A}")


def test_the_zip_file_has_everything(owner: LearnerClient) -> None:
    talk(owner.learner, said(1, "assistant", "Hello!", 1.5), said(2, "user", "Hi.", 1.0), said(3, "user", "Lost.", 1.0))
    stored = store.get(owner.learner, "talk-1")
    assert stored
    storages["audio_local"].delete(stored.messages[2].audio_key)
    answer = owner.get(f"{FILE}?type=zip")
    assert answer.headers["Content-Type"] == "application/zip"
    file = zipfile.ZipFile(io.BytesIO(body(answer)))
    assert file.testzip() is None
    texts = {"conversation.json", "conversation.md", "conversation.srt"}
    assert set(file.namelist()) == texts | {"0001-assistant.webm", "0002-user.webm"}
    assert file.read("0002-user.webm") == b"sound 2"
    shape = json.loads(file.read("conversation.json"))
    assert [each.get("audioFile") for each in shape["messages"]] == ["0001-assistant.webm", "0002-user.webm", None]
    assert "[Listen](0002-user.webm)" in file.read("conversation.md").decode()


def test_without_the_bucket_the_zip_file_is_refused(owner: LearnerClient, database: Half, bucket: Half) -> None:
    talk(owner.learner, said(1, "user", "Hi.", 1.0))
    with bucket.outage():
        answer = owner.get(f"{FILE}?type=zip")
        assert (answer.status_code, answer.json()["error"]) == (503, download_views.BUCKET_DOWN)
        assert owner.get(FILE).status_code == 200
    assert owner.get(f"{FILE}?type=zip").status_code == 200


def test_a_talk_is_only_for_its_owner(owner: LearnerClient, outsider: LearnerClient) -> None:
    talk(owner.learner, said(1, "user", "Hi."))
    for kind in ("markdown", "srt", "zip"):
        assert outsider.get(f"{FILE}?type={kind}").status_code == 404
    store.delete(owner.learner, "talk-1")
    assert owner.get(FILE).status_code == 404


def test_an_unknown_type_is_refused(owner: LearnerClient) -> None:
    answer = owner.get(f"{FILE}?type=pdf")
    assert (answer.status_code, answer.json()) == (400, {"error": "type: Write one of markdown, srt, zip."})


def test_files_are_limited(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(owner.learner, said(1, "user", "Hi."))
    monkeypatch.setattr(download_views, "MOST_OF_LEARNER", 2)
    codes = [owner.get(FILE) for _ in range(3)]
    assert [each.status_code for each in codes] == [200, 200, 429]
    assert int(codes[-1].headers["Retry-After"]) > 0
