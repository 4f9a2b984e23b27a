"""Serve the learner's mistakes, and those that are due for review."""

import uuid
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import lookup, representations
from conversations.representations import milliseconds
from conversations.store import OutOfReach
from core import cloud
from core.cursors import CursorPosition, cursor, first_of
from core.json_types import Json
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import answers
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learning import card_words, disputes, due, projection, shapes
from learning import serializers as learning
from learning.models import Card

UTC = ZoneInfo("UTC")
UNKNOWN = "This mistake does not exist, or is not yours."
# Of one card in an answer.
MOST_OCCURRENCES = 50
ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The mistake's id.")


class LearningView(MethodFirst, APIView):
    """Serve what is derived from the learner's talks. A failing database is answered as for any read of them."""

    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(OutOfReach() if isinstance(exc, cloud.Unavailable) else exc)


class MistakesView(LearningView):
    @extend_schema(
        operation_id="listMistakes",
        summary="The learner's mistakes, the latest first",
        description="Mistakes of the same kind are one: “he work” and “she work”. Misheard words are left out.",
        parameters=[learning.MistakesQuerySerializer],
        responses=answers(learning.MistakePageSerializer, 400, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest) -> Response:
        asked = learning.MistakesQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        limit, after = asked.validated_data["limit"], asked.validated_data.get("cursor")
        unread = projection.refresh(request.learner)
        with lookup.reaching() as using:
            of_state = _by_state(request.learner, using, asked.validated_data.get("zone", UTC))
            found = of_state[asked.validated_data["state"]].order_by("-last_at", "-pk")
            if after:
                earlier = Q(last_at__lt=after.timestamp) | Q(last_at=after.timestamp, pk__lt=after.key)
                found = found.filter(earlier, last_at__lte=after.timestamp)
            page, last = first_of(list(found[: limit + 1]), limit)
            shape: Json = {
                "mistakes": shapes.mistakes(page, using),
                "next": cursor(CursorPosition(last.last_at, 0, last.pk)) if last else None,
                "counts": {state: cards.count() for state, cards in of_state.items()},
                "unread": unread,
            }
        return Response(learning.MistakePageSerializer(shape | representations.where()).data)


class MistakeView(LearningView):
    @extend_schema(
        operation_id="getMistake",
        summary="One mistake, with the sentences and reviews that it comes from",
        parameters=[ID],
        responses=answers(learning.OneMistakeSerializer, 404, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest, id: str) -> Response:
        projection.refresh(request.learner)
        return answer(request.learner, _key(id))


class ReportView(LearningView):
    @extend_schema(
        operation_id="reportCorrection",
        summary="“That was right”: report a correction as wrong",
        description="It leaves the reviews. The operators can read the report with its sentence. Sending it again changes "
        "nothing.",
        parameters=[ID],
        request=None,
        responses=answers(learning.OneMistakeSerializer, 403, 404, 503),
        tags=["learning"],
    )
    def post(self, request: ApiRequest, id: str) -> Response:
        disputes.report(request.learner, _key(id))
        return answer(request.learner, _key(id))

    @extend_schema(
        operation_id="withdrawReport",
        summary="Take a report back",
        parameters=[ID],
        responses=answers(learning.OneMistakeSerializer, 403, 404, 503),
        tags=["learning"],
    )
    def delete(self, request: ApiRequest, id: str) -> Response:
        disputes.withdraw(request.learner, _key(id))
        return answer(request.learner, _key(id))


class NextReviewsView(LearningView):
    @extend_schema(
        operation_id="nextReviews",
        summary="The mistakes that are due for review today",
        description="Each has a `prompt` for POST /api/reviews/{id}/attempts.",
        parameters=[learning.ReviewsQuerySerializer],
        responses=answers(learning.ReviewsSerializer, 400, 503),
        tags=["learning"],
    )
    def get(self, request: ApiRequest) -> Response:
        asked = learning.ReviewsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        learner, now = request.learner, timezone.now()
        unread = projection.refresh(learner)
        with lookup.reaching() as using:
            waiting = due.due_cards(learner, using, asked.validated_data.get("zone", UTC), now)
            cards = list(waiting[: asked.validated_data["limit"]])
            later = due.open_cards(learner, using).order_by("due").values_list("due", flat=True)
            shape: Json = {
                "reviews": shapes.reviews(cards, learner, using, now),
                "due": waiting.count(),
                "nextAt": None if cards else milliseconds(later.first()),
                "unread": unread,
            }
        return Response(learning.ReviewsSerializer(shape | representations.where()).data)


def answer(learner: uuid.UUID, card: uuid.UUID) -> Response:
    """Return the response with one mistake. Raises NotFound, cloud.Unavailable."""
    with lookup.reaching() as using:
        row = Card.objects.using(using).filter(learner=learner, pk=card).first()
        found = shapes.mistakes([row], using) if row else []
        if row is None or not found:
            raise NotFound(UNKNOWN)
        rows = card_words.occurrences_of(row, using, MOST_OCCURRENCES)
        shape = {"mistake": found[0], "occurrences": shapes.occurrences(rows, using)}
    return Response(learning.OneMistakeSerializer(shape | representations.where()).data)


def _by_state(learner: uuid.UUID, using: str, zone: ZoneInfo) -> dict[str, QuerySet[Card]]:
    every, kept = Card.objects.using(using).filter(learner=learner), due.open_cards(learner, using)
    return {
        "all": every,
        "due": due.due_cards(learner, using, zone),
        "open": kept.filter(gone_at=None),
        "gone": kept.exclude(gone_at=None),
        "reported": every.exclude(reported_at=None),
    }


def _key(id: str) -> uuid.UUID:
    try:
        return uuid.UUID(id)
    except ValueError:
        raise NotFound(UNKNOWN) from None
