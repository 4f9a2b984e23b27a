"""Serve what a learner has learned, and what to do today."""

import uuid

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from conversations import preferences, representations, store
from conversations.api_description import ID
from conversations.views import UNKNOWN
from core.json_types import Json
from core.openapi import answers
from learners.requests import ApiRequest
from learning import placement, progress, projection, today
from learning.progress_serializers import (
    GoalChoiceSerializer,
    PlacementSerializer,
    ProgressSerializer,
    TodayQuerySerializer,
    TodaySerializer,
    ZoneSerializer,
    placement_shape,
    progress_shape,
    today_shape,
)
from learning.views import UTC, LearningView


class ProgressView(LearningView):
    @extend_schema(
        operation_id="getProgress",
        summary="How the learner develops",
        description="Time, fluency, words and mistakes, each against the learner's own earlier talks. A figure that cannot be "
        "measured says why. `svg` is a chart of it; its classes leave the colours to your page.",
        parameters=[ZoneSerializer],
        responses=answers(ProgressSerializer, 400, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest) -> Response:
        asked = ZoneSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        zone, now = asked.validated_data.get("zone", UTC), timezone.now()
        learner, unread = _read(request)
        found = progress.of(learner, zone, now)
        shape = progress_shape(found) | {"zone": str(zone), "unread": unread, **representations.where()}
        return Response(shape)


class PlacementView(LearningView):
    @extend_schema(
        operation_id="getPlacement",
        summary="The level that one talk shows",
        description="It is meant for a talk of the scenario `placement`. `level` is null if too little was measured.",
        parameters=[ID],
        responses=answers(PlacementSerializer, 400, 404, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest, id: str) -> Response:
        stored = store.get(request.learner, id)
        if stored is None:
            raise NotFound(UNKNOWN)
        shape = placement_shape(placement.of(stored.messages)) | representations.where(stored.storage)
        return Response(shape)


class TodayView(LearningView):
    @extend_schema(
        operation_id="getToday",
        summary="The plan for today: one talk and one review, with reasons",
        parameters=[TodayQuerySerializer],
        responses=answers(TodaySerializer, 400, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest) -> Response:
        return _today(request, _asked(request))

    @extend_schema(
        operation_id="chooseGoal",
        summary="Choose what the learner practises for",
        description="`goal` null takes the choice back. The answer is the new plan for today.",
        parameters=[TodayQuerySerializer],
        request=GoalChoiceSerializer,
        responses=answers(TodaySerializer, 400, 403, 411, 413, 415, 503),
        tags=["learning"],
    )
    def patch(self, request: ApiRequest) -> Response:
        # Check all of the request before any of it is carried out.
        asked = _asked(request)
        sent = GoalChoiceSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        preferences.choose(request.learner, goal=sent.validated_data["goal"] or "")
        return _today(request, asked)


def _asked(request: ApiRequest) -> Json:
    asked = TodayQuerySerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _today(request: ApiRequest, asked: Json) -> Response:
    zone = asked.get("zone", UTC)
    learner, _ = _read(request)
    goal = preferences.of(request.learner).goal
    found = today.of(learner, goal, asked["level"], zone, timezone.now())
    shape = today_shape(found) | {"goal": goal or None, "zone": str(zone), **representations.where()}
    return Response(shape)


def _read(request: ApiRequest) -> tuple[uuid.UUID | None, int]:
    """Bring the learner's derived rows up to date. Return the learner, None if nothing is stored, and how many talks are left.

    Raises cloud.Unavailable.
    """
    if request.learner_is_new:
        return None, 0
    return request.learner, projection.refresh(request.learner)
