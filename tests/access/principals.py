"""Name those who try to reach a learner's data. Each is a column of table.toml, and a function here."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client

from learners import cookie
from tests.access.world import World


@dataclass
class Principal:
    """Hold what a client sends: the cookie of a learner, the session of an account, other headers."""

    learner: uuid.UUID | None = None
    user: User | None = None
    headers: dict[str, str] = field(default_factory=dict)
    _session: str = ""

    def client(self) -> Client:
        """Return a new browser. The session is renewed if a call has ended it."""
        client = Client(headers=self.headers)
        if self.learner:
            client.cookies[cookie.NAME] = cookie.seal(self.learner)
        if self.user:
            if not Session.objects.filter(pk=self._session).exists():
                client.force_login(self.user)
                self._session = client.cookies["sessionid"].value
            client.cookies["sessionid"] = self._session
        return client


def _staff(group: str = "", *, is_superuser: bool = False) -> Principal:
    user = User.objects.create(username="otto", is_staff=True, is_superuser=is_superuser)
    user.groups.set(Group.objects.filter(name=group))
    return Principal(uuid.uuid4(), user)


PRINCIPALS: dict[str, Callable[[World], Principal]] = {
    "nobody": lambda world: Principal(),
    "other": lambda world: Principal(uuid.uuid4()),
    "owner": lambda world: Principal(world.owner),
    "staff": lambda world: _staff(),
    "teacher": lambda world: _staff("teacher"),
    "support": lambda world: _staff("support"),
    "operator": lambda world: _staff("operator"),
    "superuser": lambda world: _staff(is_superuser=True),
}
