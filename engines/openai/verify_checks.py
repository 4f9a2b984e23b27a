"""Check OpenAI, or the servers that stand in for it, with the address and the key of each stage in use.

The checks ask whether the server accepts the key and has the models. No request costs money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from urllib.parse import quote

import httpx2
from django.conf import settings

from core.findings import CheckFailed, Finding, NotConfigured, Once, Probe, Warned
from core.json_types import Json
from engines.interface import LANGUAGE_MODELS
from engines.openai import model_dates
from engines.openai.endpoints import Stage

# Seconds. A model that is not listed takes a second request.
ANSWER_WITHIN, AND_ONCE_MORE = 2.5, 1.3
CONNECT_WITHIN = 1.5
SOON = timedelta(days=90)
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """Hold an answer. With the status NO_ANSWER, `trouble` says why there is none, as the end of a sentence."""

    status: int
    body: Json = field(default_factory=dict)
    trouble: str = ""

    @property
    def code(self) -> str:
        """Return the provider's code of an error, or ""."""
        error = self.body.get("error")
        return str(error.get("code") or "") if isinstance(error, dict) else ""


def probes(used: Sequence[Stage], today: date) -> list[Probe]:
    """Return the checks of the stages in use, or a single one that reports that there is none."""
    if not used:
        return [Probe(LANGUAGE_MODELS, "key", _not_configured)]
    servers: dict[tuple[str, str], list[Stage]] = {}
    for stage in used:
        servers.setdefault((stage.url, stage.key), []).append(stage)
    keys: list[Probe] = []
    others: list[Probe] = []
    for each in servers.values():
        names = " and ".join(stage.name for stage in each)
        server = ProviderServer(each, f"key for {names}" if len(servers) > 1 else "key", today)
        keys.append(Probe(LANGUAGE_MODELS, server.key_check, server.key))
        for stage in each:
            others.append(Probe(LANGUAGE_MODELS, f"model for {stage.name}", partial(server.model, stage)))
            others.append(Probe(LANGUAGE_MODELS, f"end of the model for {stage.name}", partial(server.end, stage)))
    return keys + others


class ProviderServer:
    """Check one address with one key, which these stages use.

    `key_check` is the name of the check that says whether the server can be asked at all.
    """

    def __init__(self, stages: Sequence[Stage], key_check: str, today: date) -> None:
        self.key_check, self._today = key_check, today
        self._first = stages[0]
        self._listed = Once(partial(self._ask, "models", within=ANSWER_WITHIN))
        self._looked_up = {
            stage.model: Once(partial(self._ask, f"models/{quote(stage.model, safe='')}", within=AND_ONCE_MORE))
            for stage in stages
        }

    def key(self) -> str:
        if not self._first.host:
            raise CheckFailed(
                f"{self._first.url_setting} is not an address.",
                f"Set {self._first.url_setting} to one such as http://localhost:8880/v1.",
            )
        if not self._first.key_fits:
            raise CheckFailed(
                f"{self._first.key_setting} has characters that no key has.", "Copy it again, and restart."
            )
        answer = self._listed()
        if finding := self._refusal(answer):
            raise finding
        accepted = "The key is accepted" if self._first.key else "It answers without a key"
        models = f"it has {len(_models(answer) or ())} models"
        return f"{accepted} by {self._first.host}: {models}. Whether a quota is left shows only in use."

    def model(self, stage: Stage) -> str:
        listed = self._listed()
        if self._refusal(listed):
            raise Warned("Not looked at.", f"Put “{self.key_check}” right first.")
        if stage.model in (_models(listed) or {}):
            return f"{stage.host} has {stage.model}."
        answer = self._looked_up[stage.model]()
        if answer.status == httpx2.codes.OK:
            return f"{stage.host} has {stage.model}, though it does not list it."
        do = f"Set {stage.model_setting} to one that it has, or allow it to the key's project."
        if answer.code == "model_not_found" or stage.is_openais:
            raise CheckFailed(f"{stage.host} has no model {stage.model}, or not for this key.", do)
        raise Warned(f"{stage.host} does not list {stage.model}. Some servers take any name.", do)

    def end(self, stage: Stage) -> str:
        """Report when the model ends: by the server's own word, else by OpenAI's announcement for its models."""
        said = (_models(self._listed()) or {}).get(stage.model, {}).get("shutdown_date")
        try:
            day: date | None = date.fromisoformat(str(said)[:10])
        except ValueError:
            day = model_dates.end(stage)
        if day is None:
            return f"No end of {stage.model} is announced."
        left = day - self._today
        do = f"Set {stage.model_setting}={model_dates.successor(stage)} in .env.local and restart."
        if left <= timedelta():
            raise CheckFailed(f"{stage.model} was shut down on {day}.", do)
        if left <= SOON:
            raise Warned(
                f"{stage.model} is shut down on {day}, in {left.days} {'day' if left.days == 1 else 'days'}.", do
            )
        return f"{stage.model} is shut down on {day}."

    def _refusal(self, answer: ServerAnswer) -> Finding | None:
        host, url, key = self._first.host, self._first.url_setting, self._first.key_setting
        match answer.status:
            case httpx2.codes.OK if _models(answer) is not None:
                return None
            case 0:  # NO_ANSWER
                return CheckFailed(
                    f"{host} {answer.trouble}",
                    f"See whether it runs and this machine can reach it, and whether {url} is right.",
                )
            case 401 if self._first.key:
                return CheckFailed(f"{host} refuses the key (401).", f"Set {key} to one that is valid, and restart.")
            case 401:
                return CheckFailed(f"{host} wants a key (401), and there is none.", f"Set {key}, and restart.")
            case 403:
                do = (
                    f"Allow the key of {key} to read models. If the talks fail, too: its country or project is refused."
                )
                return Warned(f"{host} does not let the key look at its models (403).", do)
            case 404 | 405 | 501:
                do = f"{url} ends in /v1 for most servers. If it is right, this one has no such list, and may do all the same."
                return Warned(f"{host} does not say which models it has ({answer.status}).", do)
            case 429 if answer.code == "insufficient_quota":
                return CheckFailed(f"The account at {host} has no quota left (429).", "Add credit to it.")
            case 429:
                return Warned(
                    f"{host} gets too many requests with this key (429).", "Raise its limits, or ask again later."
                )
            case status if status >= 500:
                return CheckFailed(f"{host} fails ({status}).", "See its log, or the provider's page about its state.")
        do = f"Check {url}: it ends in /v1 for most servers."
        return CheckFailed(f"{host} gives an answer that is not of OpenAI's protocol ({answer.status}).", do)

    def _ask(self, path: str, *, within: float) -> ServerAnswer:
        """Send a request, and return the answer. Leave out an exception's own words, which may hold the key."""
        key = self._first.key
        try:
            answer = httpx2.get(
                f"{self._first.url.rstrip('/')}/{path}",
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=httpx2.Timeout(within, connect=min(within, CONNECT_WITHIN)),
                follow_redirects=True,
            )
        except httpx2.TimeoutException:
            return ServerAnswer(NO_ANSWER, trouble="does not answer in time.")
        except httpx2.ConnectError:
            return ServerAnswer(NO_ANSWER, trouble="cannot be reached.")
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            return ServerAnswer(NO_ANSWER, trouble=f"cannot be asked ({type(error).__name__}).")
        try:
            body = answer.json()
        except ValueError:
            body = None
        return ServerAnswer(answer.status_code, body if isinstance(body, dict) else {})


def _models(answer: ServerAnswer) -> dict[str, Json] | None:
    """Return the models by name, or None if the answer is not a list of models."""
    listed = answer.body.get("data")
    if answer.status != httpx2.codes.OK or not isinstance(listed, list):
        return None
    return {str(each.get("id")): each for each in listed if isinstance(each, dict)}


def _not_configured() -> str:
    if settings.TUTOR_ENGINE != "auto":
        raise NotConfigured(
            f"TUTOR_ENGINE={settings.TUTOR_ENGINE}: that engine talks, and uses no server of OpenAI's protocol."
        )
    raise NotConfigured(
        "There is no key of OpenAI, and no other server is named: the embedded engine talks.",
        "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that speaks OpenAI's protocol, if it is not to.",
    )
