"""Operators find conversations, read them, listen to them, delete and undelete them."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audio import encoding
from audio.models import Recording
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation
from staff.models import AccessRecord
from staff.tests.closed_record import no_new_rows
from tests.clients import staff_with

pytestmark = pytest.mark.django_db(databases=["default", "local"])

SPEECH = Path(__file__).parent.parent.parent / "tests" / "speech" / "learner_park.wav"
LIST = "/admin/conversations/conversation/"
ANNA = uuid.UUID("aaaaaaaa-1111-4111-8111-111111111111")
BORIS = uuid.UUID("bbbbbbbb-2222-4222-8222-222222222222")
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
MISTAKE = {"said": "I go", "better": "I went", "why": "It is over.", "category": "tense", "start": 10, "end": 14}
TURNS = [
    Draft(id="ai-1", role="assistant", content="Where did you go?", at=AT, interrupted=True),
    Draft(
        id="user-1",
        role="user",
        content="Yesterday I go to the zoo.",
        at=AT + timedelta(seconds=7),
        corrections=[MISTAKE],
    ),
]


@pytest.fixture(scope="module")
def clip():
    return encoding.from_pcm(encoding.to_pcm(SPEECH.read_bytes())[: 2 * encoding.BYTES_PER_SECOND])


def keep(learner=ANNA, wire_id="conv-1", turns=TURNS, **columns):
    columns = {"topic": "Animals", "timestamp": AT, "config": {"level": "B1", "scenario": "animals"}, **columns}
    return store.save(learner, wire_id, columns=columns, messages=turns).conversation


def keep_with_voice(clip):
    voice = Draft(id="user-1", role="user", content="Hello.", at=AT, audio=clip)
    return keep(turns=[voice])


def page_of(row):
    return f"{LIST}{row.pk}/change/"


def shown(client, query=""):
    """Return the ids of the conversations in the list."""
    return {row.wire_id for row in client.get(LIST + query).context["cl"].result_list}


def run(client, action, *rows, query="", **more):
    return client.post(
        LIST + query, {"action": action, "_selected_action": [row.pk for row in rows], **more}, follow=True
    )


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


# The list


def test_the_list_names_a_conversation_by_its_topic(operator):
    keep()
    assert ">Animals</a>" in operator.get(LIST).content.decode()


def test_the_list_names_a_conversation_by_its_title_first(operator):
    keep(title="My zoo")
    assert "My zoo Animals" in text_of(operator.get(LIST))


def test_the_list_counts_turns_and_corrections_and_tells_level_and_length(operator):
    keep(duration=1.5)
    assert "aaaaaaaa B1 4 May 2026, 09:30 2 1:30 1" in text_of(operator.get(LIST))


def test_a_dropped_message_is_no_turn(operator):
    keep()
    store.drop_message(ANNA, "conv-1", "ai-1")
    [row] = operator.get(LIST).context["cl"].result_list
    assert row.turns == 1


def test_the_level_of_a_client_without_levels_follows_its_difficulty(operator):
    keep(config={"difficulty": 4})
    assert "aaaaaaaa B2" in text_of(operator.get(LIST))


def test_a_learner_in_the_list_leads_to_all_their_conversations(operator):
    keep(ANNA, "conv-1")
    keep(BORIS, "conv-2")
    link = re.search(r'<a class="short-id" href="([^"]*)"[^>]*>aaaaaaaa<', operator.get(LIST).content.decode())
    assert link
    assert shown(operator, link[1].removeprefix(LIST)) == {"conv-1"}


def test_a_learner_that_is_no_id_has_no_conversations(operator):
    keep()
    assert shown(operator, "?learner=nobody") == set()


@pytest.mark.parametrize(
    "term",
    [
        str(ANNA),
        ANNA.hex,
        "aaaaaaaa",
        "AAAAAAAA-1111",
        "zoo",
        "yesterday",
        "anim",
        "title",
        "conv-1",
        '"go to the zoo"',
        "zoo anim",
    ],
)
def test_the_search_finds_by_learner_topic_title_id_and_words_said(operator, term):
    keep(ANNA, "conv-1", title="A title")
    keep(BORIS, "conv-2", topic="Films", turns=[])
    assert operator.get(LIST, {"q": term}).context["cl"].result_list[0].wire_id == "conv-1"
    assert operator.get(LIST, {"q": term}).context["cl"].result_count == 1


def test_the_search_finds_a_conversation_by_its_key(operator):
    row = keep()
    keep(BORIS, "conv-2")
    assert shown(operator, f"?q={row.pk}") == {"conv-1"}


def test_the_search_wants_every_word(operator):
    keep()
    assert shown(operator, "?q=zoo+nowhere") == set()


def test_the_search_leaves_out_what_was_taken_back(operator):
    keep()
    store.drop_message(ANNA, "conv-1", "user-1")
    assert shown(operator, "?q=yesterday") == set()


@pytest.mark.parametrize("term", ['"', "'", "%", "\\", "\x00", "ffffffff", "' OR 1=1 --", "\u202e"])
def test_the_search_withstands_any_characters(operator, term):
    keep()
    assert operator.get(LIST, {"q": term}).status_code == 200


def test_the_level_filter(operator):
    keep(ANNA, "named", config={"level": "B1"})
    keep(ANNA, "difficulty", config={"difficulty": 3})
    keep(ANNA, "other", config={"level": "A1", "difficulty": 3})
    assert shown(operator, "?level=B1") == {"named", "difficulty"}


def test_the_scenario_filter(operator):
    keep(ANNA, "conv-1")
    keep(ANNA, "conv-2", config={"scenario": "films"})
    assert shown(operator, "?scenario=animals") == {"conv-1"}


def test_the_date_filters(operator):
    keep(ANNA, "old")
    keep(ANNA, "new", timestamp=timezone.now())
    today = re.search(r'href="(\?timestamp__gte=[^"]*)"[^>]*>Today<', operator.get(LIST).content.decode())
    assert today
    assert shown(operator, today[1].replace("&amp;", "&")) == {"new"}


def test_the_date_hierarchy_leads_to_a_day(operator):
    keep(ANNA, "old")
    keep(ANNA, "new", timestamp=AT + timedelta(days=40))
    assert shown(operator, "?timestamp__year=2026&timestamp__month=5&timestamp__day=4") == {"old"}


def test_the_list_takes_as_many_queries_for_many_as_for_few(operator):
    def queries(count):
        for number in range(count):
            keep(ANNA, f"conv-{count}-{number}")
        with (
            CaptureQueriesContext(connections["local"]) as local,
            CaptureQueriesContext(connections["default"]) as default,
        ):
            operator.get(LIST)
        return len(local), len(default)

    few = queries(2)
    assert queries(20) == few
    assert few[0] <= 6


# Deleted conversations


def test_what_was_deleted_is_out_of_sight(operator):
    keep()
    store.delete(ANNA, "conv-1")
    assert shown(operator) == set()


def test_what_was_deleted_is_shown_when_asked_for(operator):
    keep(ANNA, "kept")
    keep(ANNA, "gone")
    store.delete(ANNA, "gone")
    assert shown(operator, "?state=deleted") == {"gone"}
    assert shown(operator, "?state=all") == {"kept", "gone"}


def test_a_tombstone_is_marked_as_such(operator):
    keep()
    store.delete(ANNA, "conv-1")
    assert "deleted, can be undeleted until" in text_of(operator.get(LIST + "?state=all"))


def test_an_erased_conversation_says_so(operator):
    row = keep()
    store.delete(ANNA, "conv-1")
    store.erase_deleted(before=timezone.now() + timedelta(seconds=1))
    assert "is erased for good" in text_of(operator.get(page_of(row)))


# One conversation


def test_a_conversation_reads_as_a_dialogue(operator):
    text = text_of(operator.get(page_of(keep())))
    assert "Agent 09:30:00 interrupted Where did you go? Learner 09:30:07 Yesterday I go to the zoo." in text


def test_a_correction_stands_below_what_was_said(operator):
    text = text_of(operator.get(page_of(keep())))
    assert "Yesterday I go to the zoo. I go → I went It is over." in text


def heard_at(page):
    found = re.search(r'<audio controls preload="none" src="([^"]*)"', page.content.decode())
    assert found
    return found[1]


def test_a_voice_can_be_heard(operator, clip):
    link = re.search(
        r'<audio controls preload="none" src="([^"]*)"', operator.get(page_of(keep_with_voice(clip))).content.decode()
    )
    assert link
    assert operator.get(link[1]).content == clip.data


def test_a_voice_can_be_wound_forward(operator, clip):
    link = re.search(
        r'<audio controls preload="none" src="([^"]*)"', operator.get(page_of(keep_with_voice(clip))).content.decode()
    )
    assert link
    part = operator.get(link[1], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, clip.data[100:200])


def test_a_conversation_tells_its_facts(operator, clip):
    text = text_of(operator.get(page_of(keep_with_voice(clip))))
    assert "Level B1" in text
    assert "Scenario animals" in text
    assert "Recordings 1, 0:02" in text
    assert "Storage local" in text
    assert f"Learner {ANNA}" in text


def test_goals_are_ticked(operator):
    row = keep(goals=[{"text": "Name an animal", "done": True}, {"text": "Describe it", "done": False}])
    text = text_of(operator.get(page_of(row)))
    assert "Name an animal (reached) Describe it (not reached)" in text


def test_what_a_learner_said_is_text_and_not_html(operator):
    row = keep(title="<b>bold</b>", turns=[Draft(id="user-1", role="user", content="<script>x</script>", at=AT)])
    assert "<script>x" not in operator.get(page_of(row)).content.decode()
    assert "<b>bold" not in operator.get(LIST).content.decode()


@pytest.mark.parametrize(
    "config", [{"level": ["B1"]}, {"level": None, "difficulty": "hard"}, {"scenario": {"a": 1}}, []]
)
def test_settings_of_any_shape_can_be_read(operator, config):
    row = keep(config=config)
    assert operator.get(page_of(row)).status_code == 200
    assert operator.get(LIST).status_code == 200


def test_a_recording_whose_row_is_lost_is_told(operator, clip):
    row = keep_with_voice(clip)
    Recording.objects.using("local").all().delete()
    assert "Its recording is missing" in text_of(operator.get(page_of(row)))


def test_a_page_takes_as_many_queries_for_many_turns_as_for_few(operator):
    def queries(count):
        turns = [Draft(id=f"user-{n}", role="user", content="Yes.", at=AT + timedelta(seconds=n)) for n in range(count)]
        row = keep(ANNA, f"conv-{count}", turns=turns)
        with CaptureQueriesContext(connections["local"]) as local:
            operator.get(page_of(row))
        return len(local)

    assert queries(40) == queries(2)


def test_a_conversation_cannot_be_changed(operator):
    assert operator.post(page_of(keep()), {"title": "Mine"}).status_code == 403


def test_a_conversation_cannot_be_added(operator):
    assert operator.get(LIST + "add/").status_code == 403


def test_a_conversation_that_is_not_there_leads_back(operator):
    assert operator.get(f"{LIST}{uuid.uuid4()}/change/").url == "/admin/"


# Deleting and undeleting


def test_a_deletion_asks_first(operator):
    row = keep()
    text = text_of(operator.get(f"{LIST}{row.pk}/delete/"))
    assert "For ten minutes a deletion can be undone" in text
    assert "Turns: 2" in text
    assert store.get(ANNA, "conv-1")


def test_a_confirmed_deletion_leaves_a_tombstone(operator):
    row = keep()
    operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert store.get(ANNA, "conv-1") is None
    assert Conversation.objects.using("local").get(pk=row.pk).deleted_at


def test_a_deletion_keeps_the_recordings_while_it_can_be_undone(operator, clip):
    row = keep_with_voice(clip)
    operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert Recording.objects.using("local").filter(conversation=row.pk).exists()


def test_what_an_operator_deleted_is_erased_after_that(operator, clip):
    row = keep_with_voice(clip)
    operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    store.erase_deleted(before=timezone.now() + timedelta(seconds=1))
    assert not Recording.objects.using("local").filter(conversation=row.pk).exists()


def test_deleting_many_asks_first(operator):
    first, second = keep(ANNA, "conv-1"), keep(BORIS, "conv-2")
    assert "Conversations: 2" in text_of(run(operator, "delete_selected", first, second))
    assert store.get(ANNA, "conv-1")


def test_deleting_many_deletes_those_alone(operator):
    first, second = keep(ANNA, "conv-1"), keep(BORIS, "conv-2")
    keep(BORIS, "conv-3")
    run(operator, "delete_selected", first, second, post="yes")
    assert shown(operator) == {"conv-3"}


def test_deleting_what_is_deleted_leaves_its_date(operator):
    row = keep()
    store.delete(ANNA, "conv-1")
    before = Conversation.objects.using("local").get(pk=row.pk).deleted_at
    run(operator, "delete_selected", row, query="?state=all", post="yes")
    assert Conversation.objects.using("local").get(pk=row.pk).deleted_at == before


def test_more_than_can_be_confirmed_at_once_is_refused(operator):
    rows = [
        Conversation(id=uuid.uuid4(), learner=ANNA, wire_id=f"conv-{n}", timestamp=AT, created_at=AT, updated_at=AT)
        for n in range(501)
    ]
    Conversation.objects.using("local").bulk_create(rows)
    answer = run(operator, "delete_selected", rows[0], select_across="1")
    assert "Choose at most 500" in text_of(answer)


def test_a_deletion_is_recorded_under_its_id(operator):
    row = keep(title="A secret")
    operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert recorded() == [("admin", "deleted", "conversation", row.pk, "conv-1")]


def test_a_deleted_conversation_offers_to_come_back(operator):
    row = keep()
    store.delete(ANNA, "conv-1")
    form = operator.get(page_of(row)).content.decode()
    assert f'action="{LIST}?state=all"' in form
    run(operator, "undelete", row, query="?state=all")
    assert store.get(ANNA, "conv-1")


def test_undeleting_many(operator):
    rows = [keep(ANNA, "conv-1"), keep(BORIS, "conv-2")]
    store.clear(ANNA)
    store.clear(BORIS)
    assert "2 conversations undeleted." in text_of(run(operator, "undelete", *rows, query="?state=deleted"))


def test_after_ten_minutes_it_is_too_late(operator):
    row = keep()
    store.delete(ANNA, "conv-1")
    Conversation.objects.using("local").update(deleted_at=timezone.now() - timedelta(minutes=11))
    answer = run(operator, "undelete", row, query="?state=deleted")
    assert "could not be undeleted: the 10 minutes for that are over" in text_of(answer)
    assert (
        "<button"
        not in operator.get(page_of(row)).content.decode().partition('class="tombstone"')[2].partition("</div>")[0]
    )


def test_an_undeletion_is_in_the_history(operator):
    row = keep()
    store.delete(ANNA, "conv-1")
    run(operator, "undelete", row, query="?state=deleted")
    assert "admin restored conversation conv-1 aaaaaaaa" in text_of(
        operator.get(f"{LIST}{row.pk}/history/", follow=True)
    )


# Permissions


def test_without_an_account_there_is_only_the_login(client):
    assert client.get(LIST).url.startswith("/admin/login/")


@pytest.mark.parametrize("place", ["", "{row}/change/", "{row}/delete/", "{row}/history/"])
def test_staff_without_permission_see_nothing(place):
    row = keep()
    assert staff_with().get(LIST + place.format(row=row.pk)).status_code == 403


def test_staff_without_permission_are_not_told_of_conversations():
    assert "Conversations" not in text_of(staff_with().get("/admin/"))


def test_staff_who_may_view_may_not_delete():
    row, client = keep(), staff_with("view_conversation")
    assert client.get(page_of(row)).status_code == 200
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    run(client, "delete_selected", row, post="yes")
    assert store.get(ANNA, "conv-1")


def test_staff_who_may_not_delete_may_not_undelete():
    row, client = keep(), staff_with("view_conversation")
    store.delete(ANNA, "conv-1")
    run(client, "undelete", row, query="?state=all")
    assert store.get(ANNA, "conv-1") is None


def test_staff_who_may_not_view_recordings_read_without_listening(clip):
    page = staff_with("view_conversation", "view_message").get(page_of(keep_with_voice(clip)))
    assert "<audio" not in page.content.decode()
    assert "may read this conversation, but not listen" in text_of(page)


def test_staff_who_may_not_view_recordings_do_not_hear_by_the_players_address(operator, clip):
    row = keep_with_voice(clip)
    source = heard_at(operator.get(page_of(row)))
    assert staff_with("view_conversation", "change_recording").get(source).status_code == 403


def test_staff_who_may_only_see_conversations_find_none_by_their_words():
    row, client = keep(title="My zoo"), staff_with("view_conversation")
    assert shown(client, f"?q={row.pk}") == shown(client, "?q=conv-1") == {"conv-1"}
    for query in ("?q=zoo", "?q=yesterday", "?title__startswith=My", "?messages__content__contains=zoo", "?o=1"):
        page = client.get(LIST + query, follow=True)
        assert "zoo" not in text_of(page).lower()
    assert shown(client, "?q=zoo") == set()


def test_staff_who_may_only_see_conversations_read_no_words(clip):
    secret = {"title": "My zoo", "goals": [{"text": "Name a zoo.", "done": False}], "analysis": {"summary": "A zoo."}}
    row, client = keep(topic="Giraffes", **secret), staff_with("view_conversation", "delete_conversation")
    pages = [LIST, page_of(row), f"{LIST}{row.pk}/delete/"]
    for page in [client.get(each) for each in pages] + [run(client, "delete_selected", row)]:
        assert page.status_code == 200
        assert not re.search("zoo|giraffe", text_of(page), re.IGNORECASE), page.request["PATH_INFO"]
    assert "Turns 2, 1 correction" in text_of(client.get(page_of(row)))
    deleted = client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}, follow=True)
    assert "zoo" not in text_of(deleted).lower()
    assert store.get(ANNA, "conv-1") is None


# The record of access


def recorded():
    """Return the rows, the oldest first."""
    rows = AccessRecord.objects.order_by("pk")
    assert {row.learner for row in rows} <= {ANNA, BORIS}
    return [(row.username, row.action, row.kind, row.key, row.name) for row in rows]


def test_who_reads_a_conversation_is_recorded():
    row, client = keep(title="A secret"), staff_with("view_conversation", "view_message")
    client.get(LIST)
    client.get(page_of(row))
    assert recorded() == [("staff", "read", "conversation", row.pk, "conv-1")]


def test_who_finds_a_conversation_by_its_words_is_recorded_once():
    row, client = keep(), staff_with("view_conversation", "view_message")
    keep(BORIS, "conv-2", turns=TURNS[:1])
    client.get(f"{LIST}?q={row.pk}")
    for query in ("?q=yesterday", "?q=zoo&o=1"):
        assert shown(client, query) == {"conv-1"}
    assert recorded() == [("staff", "found", "conversation", row.pk, "conv-1")]


def test_who_listens_is_recorded_once_however_often_the_player_asks(clip):
    row, client = keep_with_voice(clip), staff_with("view_conversation", "view_message", "view_recording")
    source = heard_at(client.get(page_of(row)))
    client.get(source)
    client.get(source, headers={"Range": "bytes=10-"})
    voice = Recording.objects.using("local").get()
    assert recorded()[1:] == [("staff", "heard", "recording", voice.pk, voice.key)]


@pytest.mark.parametrize("permissions", [(), ("view_conversation",)])
def test_who_reads_no_words_is_not_recorded(permissions):
    staff_with(*permissions).get(page_of(keep()))
    assert recorded() == []


@pytest.mark.parametrize("deed", ["read", "found", "heard", "deleted", "restored"])
def test_without_a_row_nothing_is_shown_or_changed(operator, clip, deed):
    row = keep_with_voice(clip)
    source = heard_at(operator.get(page_of(row)))
    if deed == "restored":
        store.delete(ANNA, "conv-1")
    deeds = {
        "read": lambda: operator.get(page_of(row)),
        "found": lambda: operator.get(f"{LIST}?q=hello"),
        "heard": lambda: operator.get(source),
        "deleted": lambda: operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}),
        "restored": lambda: run(operator, "undelete", row, query="?state=all"),
    }
    with no_new_rows():
        answer = deeds[deed]()
    assert answer.status_code == 503
    assert not {b"Hello.", clip.data} & {answer.content}
    assert "could not be written down" in text_of(answer)
    assert (store.get(ANNA, "conv-1") is None) == (deed == "restored")


def test_a_deleted_conversation_is_read_and_not_heard(operator, clip):
    row = keep_with_voice(clip)
    source = heard_at(operator.get(page_of(row)))
    store.delete(ANNA, "conv-1")
    page = operator.get(page_of(row))
    assert "<audio" not in page.content.decode()
    assert "While it is deleted its recordings cannot be played." in text_of(page)
    assert operator.get(source).status_code == 404
    store.restore(ANNA, "conv-1")
    assert operator.get(source).content == clip.data


# The site


def test_the_login_says_how_to_make_the_first_operator(client):
    assert "No operator yet: run make admin" in text_of(client.get("/admin/", follow=True))


def test_the_login_is_silent_about_that_once_there_is_one(client, admin_user):
    assert "make admin" not in text_of(client.get("/admin/", follow=True))


def test_the_admin_is_found_without_its_slash(client):
    assert client.get("/admin").url == "/admin/"


def test_the_admin_bears_our_name(operator):
    assert "Talking Agent" in text_of(operator.get("/admin/"))


@pytest.mark.parametrize("query", ["", "?state=all"])
def test_no_page_needs_what_the_policy_forbids(operator, query):
    row = keep(title="A title")
    for page in (LIST + query, page_of(row), f"{LIST}{row.pk}/delete/", "/admin/"):
        assert not re.search(r"<style|<[^>]+ style=|<script(?![^>]* src=)", operator.get(page).content.decode())
