"""Signatures of what platforms send us: each proves that a body came from who knows the secret.

Nothing of a body is looked into here, and every comparison takes the same time whatever is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..spans import span

Algorithm = Literal["sha1", "sha256"]
Encoding = Literal["hex", "base64"]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came: the raw body, the headers by their names in small letters, and what stood behind
    the name of the hook in the address."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    behind: str = field(default="", repr=False)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "").strip()


@dataclass(frozen=True, slots=True)
class Hmac:
    """A header holds the HMAC of the body, after a prefix such as `sha256=`."""

    header: str
    kind: Literal["hmac"] = "hmac"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""

    def accepts(self, sent: Sent, secret: str, now: datetime) -> bool:  # noqa: ARG002
        said = sent.header(self.header)
        if not said.startswith(self.prefix):
            return False
        made = _digest(secret, sent.body, self.algorithm, self.encoding)
        return _same(said.removeprefix(self.prefix), made, self.encoding)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A header holds the HMAC of a moment and the body, so that an old request can be told.

    The moment is in the same header (`t=…,v1=…`), or in `moment` if that names another. `between`
    is what stands between the two in what is signed.
    """

    header: str
    kind: Literal["stamped"]
    moment: str = ""
    between: str = "."
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    tolerance: Annotated[str, AfterValidator(lambda text: span(text) and text)] = "5m"

    def accepts(self, sent: Sent, secret: str, now: datetime) -> bool:
        stamp, said = self._told(sent)
        at = _moment(stamp)
        if at is None or abs(now - at) > span(self.tolerance):
            return False
        signed = stamp.encode() + self.between.encode() + sent.body
        made = _digest(secret, signed, self.algorithm, self.encoding)
        return any(_same(each, made, self.encoding) for each in said)

    def _told(self, sent: Sent) -> tuple[str, list[str]]:
        """The moment as it was signed, and the signatures: several while a secret is replaced."""
        whole = sent.header(self.header)
        if self.moment:
            return sent.header(self.moment), [whole]
        parts = [part.strip().partition("=") for part in whole.split(",")]
        stamps = [value for name, _, value in parts if name == "t"]
        return stamps[0] if stamps else "", [value for name, _, value in parts if name == "v1"]


@dataclass(frozen=True, slots=True)
class Token:
    """A header holds the secret itself."""

    header: str
    kind: Literal["token"]
    prefix: str = ""

    def accepts(self, sent: Sent, secret: str, now: datetime) -> bool:  # noqa: ARG002
        return _same(sent.header(self.header), self.prefix + secret, "base64")


@dataclass(frozen=True, slots=True)
class InAddress:
    """Nothing is signed: the secret is the last part of the address that the platform calls."""

    kind: Literal["address"] = "address"

    def accepts(self, sent: Sent, secret: str, now: datetime) -> bool:  # noqa: ARG002
        return _same(sent.behind, secret, "base64")


Signature = Annotated[Hmac | Stamped | Token | InAddress, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of a platform: how it signs, where an event has its id, and how sure we are.

    The others are paths inside of a body: the id by which a repeated event is known; when the
    record was made that the event is about, its id, and that of the survey it is in.
    """

    signature: Hmac | Stamped | Token | InAddress
    event: str = ""
    moment: str = ""
    record: str = ""
    within: str = ""
    sure: Literal["verified", "inferred"] = "inferred"


KNOWN: Mapping[str, Known] = {
    "asknicely": Known(Token("X-Webhook-Token", "token"), sure="verified"),
    "customergauge": Known(InAddress()),
    "delighted": Known(
        Hmac("X-Delighted-Webhook-Signature", prefix="sha256="),
        event="event_id",
        moment="event_data.created_at",
        record="event_data.id",
        sure="verified",
    ),
    "inmoment": Known(
        Hmac("X-Wootric-Signature", algorithm="sha1", prefix="sha1="),
        moment="response.created_at",
        sure="verified",
    ),
    "intercom": Known(
        Hmac("X-Hub-Signature", algorithm="sha1", prefix="sha1="),
        event="id",
        moment="data.item.created_at",
    ),
    "qualtrics": Known(InAddress(), moment="CompletedDate", record="ResponseID", within="SurveyID"),
    "stripe": Known(Stamped("Stripe-Signature", "stamped"), event="id", moment="created"),
    "surveymonkey": Known(InAddress()),
    "survicate": Known(Hmac("Hmac"), sure="verified"),
    "trustmary": Known(InAddress(), moment="answer.created_at", sure="verified"),
    "typeform": Known(
        Hmac("Typeform-Signature", encoding="base64", prefix="sha256="),
        event="event_id",
        moment="form_response.submitted_at",
        record="form_response.token",
        within="form_response.form_id",
    ),
    "zendesk": Known(
        Stamped(
            "X-Zendesk-Webhook-Signature",
            "stamped",
            moment="X-Zendesk-Webhook-Signature-Timestamp",
            between="",
            encoding="base64",
        )
    ),
}


def told_moment(said: object) -> datetime | None:
    """A moment as platforms write it: seconds or milliseconds since 1970, or ISO; None if none."""
    return _moment(str(said)) if isinstance(said, str | int | float) else None


def _digest(secret: str, signed: bytes, algorithm: Algorithm, encoding: Encoding) -> str:
    made = hmac.new(secret.encode(), signed, getattr(hashlib, algorithm)).digest()
    return made.hex() if encoding == "hex" else b64encode(made).decode()


def _same(said: str, made: str, encoding: Encoding) -> bool:
    if encoding == "hex":
        said = said.lower()
    return hmac.compare_digest(said.encode("utf-8", "replace"), made.encode())


def _moment(text: str) -> datetime | None:
    """With a zone; one without is taken for UTC."""
    try:
        if re.fullmatch(r"\d{1,13}(\.\d+)?", text):
            number = float(text)
            return datetime.fromtimestamp(0, UTC) + timedelta(
                seconds=number / 1000 if number > 1e11 else number
            )
        at = datetime.fromisoformat(re.sub(r" ([+-]\d\d:?\d\d)$", r"\1", text.strip()))
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
