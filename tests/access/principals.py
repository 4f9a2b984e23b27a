"""Name those who try to reach a learner's data. Each is a column of table.toml or an entry of its `like`, and a function here."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from learners import cookie, devices, tokens
from learners.models import Device
from tests.access.world import World


@dataclass
class Principal:
    """Hold what a client sends: the cookie of a learner or a device, the session of an account, other headers."""

    learner: uuid.UUID | None = None
    user: User | None = None
    device: Device | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_signed_out: bool = False
    _session: str = ""

    def client(self) -> Client:
        """Return a new browser. The device and the session are renewed if a call has ended them."""
        client = Client(headers=self.headers)
        if self.device and not self.is_signed_out and not Device.objects.filter(pk=self.device.pk).exists():
            self.device.save()
        sealed = cookie.seal(self.learner, self.device.pk if self.device else None) if self.learner else ""
        if sealed:
            client.cookies[cookie.NAME] = sealed
        if self.user:
            if not Session.objects.filter(pk=self._session).exists():
                client.force_login(self.user)
                if self.device:
                    session = client.session
                    session[devices.DEVICE] = sealed
                    session.save()
                self._session = client.cookies["sessionid"].value
            client.cookies["sessionid"] = self._session
        return client


def _owner(world: World) -> Principal:
    """Return the owner without an account: a cookie does for that."""
    world.give_account_to(uuid.uuid4())
    return Principal(world.owner)


def _signed_in(world: World, *, is_signed_out: bool = False) -> Principal:
    device = Device(account=world.account, user_agent="Mosaic")
    return Principal(world.owner, world.account.user, device, is_signed_out=is_signed_out)


def _token(world: World, *, days: int = 1, is_revoked: bool = False) -> Principal:
    """Return a program with a token of the owner, and a browser's cookie of somebody else."""
    token, secret = tokens.create(world.owner, "a program", timezone.now() + timedelta(days=days))
    if is_revoked:
        tokens.revoke(world.owner, token.pk)
    world.begin()
    return Principal(uuid.uuid4(), headers={"Authorization": f"Bearer {secret}"})


def _staff(group: str = "", *, is_superuser: bool = False) -> Principal:
    user = User.objects.create(username="otto", is_staff=True, is_superuser=is_superuser)
    user.groups.set(Group.objects.filter(name=group))
    return Principal(uuid.uuid4(), user)


PRINCIPALS: dict[str, Callable[[World], Principal]] = {
    "nobody": lambda world: Principal(),
    "other": lambda world: Principal(uuid.uuid4()),
    "owner": _owner,
    "staff": lambda world: _staff(),
    "teacher": lambda world: _staff("teacher"),
    "support": lambda world: _staff("support"),
    "operator": lambda world: _staff("operator"),
    "superuser": lambda world: _staff(is_superuser=True),
    "owner-by-account": _signed_in,
    "owner-by-token": _token,
    "expired-token": lambda world: _token(world, days=-1),
    "revoked-token": lambda world: _token(world, is_revoked=True),
    "signed-out-device": lambda world: _signed_in(world, is_signed_out=True),
    # Since there is an account, its learner's cookie needs a device.
    "cookie-of-an-account": lambda world: Principal(world.owner),
}
