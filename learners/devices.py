"""Sign browsers in to accounts, and out."""

import uuid

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from learners import cookie, identity
from learners.cookie import CookieClaim
from learners.identity import Identity
from learners.models import Account, Device
from learners.requests import LearnerRequest, become

# The key in a session. The value is that of the cookie.
DEVICE = "device"


def sign_in(request: LearnerRequest, user: User) -> Device:
    """Make this browser a device of the user's account. The answer to the request sets its cookie.

    An account that is new takes over the learner of the browser, with all conversations. If an older account signs in,
    the device notes that learner (`previous_learner`), for `merge`.
    """
    before = request.identity
    account = _account(user, None if before.device else before.learner)
    device = Device.objects.filter(pk=before.device, account=account).first() if before.device else None
    if device is None:
        if before.device:
            # The browser was signed in to another account.
            sign_out(Device.objects.filter(pk=before.device))
        device = Device(account=account, user_agent=request.headers.get("User-Agent", "")[:300])
        if not before.device and not request.learner_is_new and before.learner != account.learner:
            device.previous_learner = before.learner
        device.save()
    request.session[DEVICE] = cookie.seal(account.learner, device.pk)
    become(request, Identity(account.learner, device.pk, account.name))
    return device


def current(request: LearnerRequest) -> Device | None:
    """Return the device that the session of this request belongs to. Return None for a session without one."""
    claim = cookie.claim(request.session.get(DEVICE))
    if claim is None or claim.device is None:
        return None
    return Device.objects.select_related("account").filter(pk=claim.device).first()


def sign_out_others(request: LearnerRequest, user: User) -> None:
    """Sign out all devices of a user but that of this request."""
    here, devices = current(request), Device.objects.filter(account__user=user)
    sign_out(devices.exclude(pk=here.pk) if here else devices)


def sign_out(devices: QuerySet[Device]) -> None:
    """Sign out these devices. Their cookies and sessions are refused at once in this process, elsewhere within a minute."""
    claims = [CookieClaim(device.account.learner, device.pk) for device in devices.select_related("account")]
    Device.objects.filter(pk__in=[claim.device for claim in claims]).delete()
    identity.forget(claims)


def sign_out_here(request: LearnerRequest) -> None:
    """Sign out this browser. It becomes another learner: see `learner_after_sign_out`."""
    if device := current(request):
        sign_out(Device.objects.filter(pk=device.pk))
        become(request, Identity(_learner_before(device)))


def learner_after_sign_out(key: uuid.UUID | None) -> uuid.UUID:
    """Return the learner that a browser with this device becomes when it is signed out. Without a device it is a new one."""
    device = Device.objects.filter(pk=key).first() if key else None
    return _learner_before(device) if device else uuid.uuid4()


def _learner_before(device: Device) -> uuid.UUID:
    """Return the learner that the browser was before it signed in, if nothing was decided about its conversations yet.

    Otherwise return a new one.
    """
    previous = device.previous_learner
    is_free = previous and not Account.objects.filter(learner=previous).exists()
    return previous if previous and is_free else uuid.uuid4()


def _account(user: User, learner: uuid.UUID | None) -> Account:
    """Return the user's account. Create it if needed, for this learner, unless another account has it."""
    for key in (learner, uuid.uuid4()):
        if found := Account.objects.filter(user=user).select_related("user").first():
            return found
        if key is None:
            continue
        try:
            with transaction.atomic(using=identity.ACCOUNTS):
                created = Account.objects.create(user=user, learner=key)
        except IntegrityError:
            # The learner has an account already, or the user got one just now.
            continue
        # The cookie without a device is not valid any more.
        identity.forget([CookieClaim(key)])
        return created
    return Account.objects.select_related("user").get(user=user)
