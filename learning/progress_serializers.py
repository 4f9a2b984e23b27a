"""Read the requests about progress and the plan for today, and describe the answers."""

from collections.abc import Sequence
from datetime import date

from rest_framework import serializers

from conversations.levels import LEVELS
from conversations.representations import milliseconds
from conversations.stored_serializers import MomentField
from core.json_types import Json
from core.serializers import BodySerializer, ChosenField, NamedChoiceField, NumberField, WhereSerializer
from learning.placement import KINDS, NOT_MEASURED, Placement
from learning.progress import MEASURES, MeasuredTrend, ProgressReport
from learning.serializers import ZoneField
from learning.today import Today
from learning.trends import Direction, Estimate
from tutor.scenario import PURPOSES

SVG = "A chart of it, for the page. Empty if there is nothing to show."


class ZoneSerializer(BodySerializer):
    zone = ZoneField(
        required=False, help_text="The learner's time zone, which decides what day it is. Without it, UTC."
    )


class TodayQuerySerializer(ZoneSerializer):
    level = ChosenField(LEVELS, default="B1", help_text="The learner's level.")


class GoalChoiceSerializer(BodySerializer):
    goal = NamedChoiceField(PURPOSES, allow_null=True)


class DaySerializer(serializers.Serializer[object]):
    date = serializers.DateField()
    practised = serializers.BooleanField()


class EstimateSerializer(serializers.Serializer[object]):
    at = MomentField()
    value = NumberField()
    low = NumberField(help_text="The true value is between low and high in nine cases of ten.")
    high = NumberField()


class MeasureSerializer(serializers.Serializer[object]):
    name = serializers.ChoiceField(choices=[each.name for each in MEASURES])
    title = serializers.CharField()
    unit = serializers.CharField()
    about = serializers.CharField()
    talks = serializers.IntegerField(help_text="The number of talks in which it was measured.")
    latest = EstimateSerializer(allow_null=True)
    change = serializers.ChoiceField(
        choices=list(Direction), allow_null=True, help_text="null: too few talks to compare."
    )
    higherIsBetter = serializers.BooleanField(allow_null=True, help_text="null: neither.")
    unmeasured = serializers.CharField(allow_null=True, help_text="Why there is no estimate.")
    points = EstimateSerializer(many=True)
    svg = serializers.CharField(help_text=SVG)


class LevelWordsSerializer(serializers.Serializer[object]):
    level = serializers.ChoiceField(choices=LEVELS)
    used = NumberField(help_text="Different words that the learner used in a talk, on average of the latest talks.")
    met = NumberField(help_text="Different words that the agent said.")


class WeekSerializer(serializers.Serializer[object]):
    monday = serializers.DateField()
    minutes = NumberField()
    turns = serializers.IntegerField()


class MistakesSerializer(serializers.Serializer[object]):
    learning = serializers.IntegerField(help_text="That still come back for review.")
    gone = serializers.IntegerField(help_text="Not made for a long time, and said right since.")
    returned = serializers.IntegerField(help_text="Of `learning`: had been gone, and were made again.")


class ProgressSerializer(WhereSerializer):
    zone = serializers.CharField()
    unread = serializers.IntegerField(help_text="Talks that are not counted yet. The next call counts more of them.")
    talks = serializers.IntegerField()
    minutes = NumberField()
    turns = serializers.IntegerField()
    days = DaySerializer(many=True, help_text="The last seven days, today last.")
    weeks = WeekSerializer(many=True)
    weeksSvg = serializers.CharField(help_text=SVG)
    measures = MeasureSerializer(many=True)
    levels = LevelWordsSerializer(many=True)
    mistakes = MistakesSerializer()


class TalkSuggestionSerializer(serializers.Serializer[object]):
    scenario = serializers.CharField(help_text="Its id.")
    title = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    icon = serializers.CharField()
    why = serializers.CharField()


class ReviewSuggestionSerializer(serializers.Serializer[object]):
    due = serializers.IntegerField(help_text="Mistakes that are due.")
    why = serializers.CharField()


class TodaySerializer(WhereSerializer):
    zone = serializers.CharField()
    goal = serializers.ChoiceField(choices=PURPOSES, allow_null=True)
    goals = serializers.ListField(child=serializers.ChoiceField(choices=PURPOSES), help_text="Values of `goal`.")
    talk = TalkSuggestionSerializer()
    review = ReviewSuggestionSerializer(allow_null=True, help_text="null: no mistake is due.")
    hasTalked = serializers.BooleanField(help_text="Whether the learner has practised today.")
    isPlaced = serializers.BooleanField(help_text="Whether the learner has had a placement talk.")
    days = DaySerializer(many=True, help_text="The last seven days, today last.")


class EvidenceSerializer(serializers.Serializer[object]):
    name = serializers.ChoiceField(choices=[each.name for each in KINDS])
    title = serializers.CharField()
    unit = serializers.CharField()
    value = NumberField(allow_null=True)
    level = serializers.ChoiceField(choices=LEVELS, allow_null=True, help_text="The level that this figure alone fits.")
    unmeasured = serializers.CharField(allow_null=True, help_text="Why there is no value.")


class PlacementSerializer(WhereSerializer):
    level = serializers.ChoiceField(choices=LEVELS, allow_null=True)
    low = serializers.ChoiceField(choices=LEVELS, allow_null=True, help_text="The lowest level that may fit.")
    high = serializers.ChoiceField(choices=LEVELS, allow_null=True, help_text="The highest level that may fit.")
    words = serializers.IntegerField(help_text="Words that were certainly said.")
    evidence = EvidenceSerializer(many=True)
    notMeasured = serializers.ListField(child=serializers.CharField(), help_text="What no such talk can show.")


def placement_shape(found: Placement) -> Json:
    evidence = [
        {
            "name": each.kind.name,
            "title": each.kind.title,
            "unit": each.kind.unit,
            "value": None if each.value is None else round(each.value, 1),
            "level": each.level,
            "unmeasured": each.kind.missing if each.value is None else None,
        }
        for each in found.evidence
    ]
    levels = {"level": found.level, "low": found.low, "high": found.high}
    return levels | {"words": found.words, "evidence": evidence, "notMeasured": NOT_MEASURED}


def progress_shape(found: ProgressReport) -> Json:
    return {
        "talks": found.talks,
        "minutes": found.minutes,
        "turns": found.turns,
        "days": _days(found.days),
        "weeks": [{"monday": each.monday, "minutes": each.minutes, "turns": each.turns} for each in found.weeks],
        "weeksSvg": found.weeks_svg,
        "measures": [_measure(each) for each in found.measures],
        "levels": [{"level": each.level, "used": each.used, "met": each.met} for each in found.levels],
        "mistakes": {
            "learning": found.mistakes.learning,
            "gone": found.mistakes.gone,
            "returned": found.mistakes.returned,
        },
    }


def today_shape(found: Today) -> Json:
    one = found.talk.scenario
    talk = {"scenario": one.id, "title": one.title, "level": one.level, "icon": one.icon, "why": found.talk.why}
    return {
        "goals": PURPOSES,
        "talk": talk,
        "review": {"due": found.due, "why": found.why_review} if found.due else None,
        "hasTalked": found.has_talked,
        "isPlaced": found.is_placed,
        "days": _days(found.days),
    }


def _days(of: Sequence[tuple[date, bool]]) -> list[Json]:
    return [{"date": day, "practised": practised} for day, practised in of]


def _measure(found: MeasuredTrend) -> Json:
    measure, trend = found.measure, found.trend
    return {
        "name": measure.name,
        "title": measure.title,
        "unit": measure.unit,
        "about": measure.about,
        "talks": trend.talks,
        "latest": _estimate(trend.latest) if trend.latest else None,
        "change": trend.change,
        "higherIsBetter": measure.higher_is_better,
        "unmeasured": found.unmeasured or None,
        "points": [_estimate(each) for each in trend.points],
        "svg": found.svg,
    }


def _estimate(of: Estimate) -> Json:
    values = {name: round(getattr(of, name), 3) for name in ("value", "low", "high")}
    return {"at": milliseconds(of.at), **values}
