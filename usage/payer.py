"""Name the visitor whose daily limits the current work counts towards."""

from contextvars import ContextVar

from core.middleware import Middleware
from learners.requests import LearnerRequest
from learners.visitors import Visitor

_current: ContextVar[Visitor | None] = ContextVar("payer", default=None)


def current() -> Visitor | None:
    """Return the visitor that this task works for. None for work of the site itself, such as a check."""
    return _current.get()


def work_for(visitor: Visitor | None) -> None:
    """Count the work of this task, and of the tasks that it starts from now on, towards this visitor's limits."""
    _current.set(visitor)


class PayingVisitor(Middleware[LearnerRequest]):
    """Count what a request uses towards the limits of its visitor."""

    def before(self, request: LearnerRequest) -> None:
        work_for(Visitor.of_request(request))
