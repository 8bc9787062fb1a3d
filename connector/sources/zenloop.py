"""zenloop: NPS answers of every survey, oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ..errors import AuthError, Malformed, RemoteError
from ..http import Session, body_of
from ..records import Response
from ..secrets import Secret

PER_PAGE = 100
#: zenloop's own beginning: nothing is older.
BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
METRICS: Mapping[str, Literal["nps", "csat", "ces", "other"]] = {
    "nps": "nps",
    "promoter": "nps",
    "passive": "nps",
    "detractor": "nps",
    "csat": "csat",
    "ces": "ces",
}


@dataclass(slots=True)
class Source:
    """Needs an API token (Settings → API); it has the rights of the user who made it.

    zenloop filters by when an answer was given, not by when it changed; labels and late comments
    arrive afterwards, so the last `overlap` is always read again. `transactional` lists the
    surveys (by title or hash) that follow an event; all others are relationship surveys.
    """

    token: Secret
    url: str = "https://api.zenloop.com/v1"
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    transactional: tuple[str, ...] = ()
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="zenloop", init=False)
    _http: Session = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._http = Session(self.url, name="zenloop", lane=_lane)

    def check(self) -> None:
        self._get("surveys", page=1, per_page=1)

    def responses(self, since: datetime | None) -> Iterator[Response]:
        for survey in self._pages("surveys", "surveys"):
            yield from self._answers(survey, since or BEGINNING)

    def calls(self) -> Mapping[str, int]:
        return self._http.calls

    def _answers(self, survey: Mapping[str, Any], since: datetime) -> Iterator[Response]:
        key = _word(survey.get("public_hash_id"))
        if key is None:
            raise Malformed("zenloop listed a survey without public_hash_id.", hint="Run again.")
        kind: Literal["relationship", "transactional"] = (
            "transactional"
            if {key, survey.get("title")} & set(self.transactional)
            else "relationship"
        )
        window = {
            "date_shortcut": "custom",
            "date_from": _stamp(since),
            "date_to": _stamp(datetime.max.replace(year=2999, tzinfo=UTC)),
            "order_by": "inserted_at",
            "order_type": "asc",
        }
        for raw in self._pages(f"surveys/{key}/answers", "answers", **window):
            yield self._response(raw, key, kind)

    def _pages(self, path: str, key: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """Page after page until the platform's own total is reached, or, without one, none is left.

        The server may hand out smaller pages than were asked for, so a short page is no end.
        """
        got, page, last = 0, 1, None
        while True:
            body = _object(self._get(path, page=page, per_page=PER_PAGE, **query), path)
            rows = _rows(body, key, path)
            total = _total(body)
            if rows and rows == last:
                raise Malformed(
                    f"zenloop sent page {page - 1} of {path} twice.",
                    hint="Run again; the watermark has not moved.",
                )
            yield from rows
            got += len(rows)
            if got >= total if total is not None else not rows:
                return
            if not rows:
                raise Malformed(
                    f"zenloop promised {total} {key} and sent {got}.",
                    hint="Run again; the watermark has not moved.",
                )
            page, last = page + 1, rows

    def _get(self, path: str, **query: Any) -> Any:
        signed = {"Authorization": f"Bearer {self.token.reveal()}"}
        answer = self._http.request("GET", path, params=query, headers=signed)
        if answer.status_code in {401, 403}:
            raise AuthError(
                "zenloop refuses the token.",
                hint="Make a new one under Settings → API and store it where `token` points.",
            )
        if answer.status_code >= 400:
            raise RemoteError(
                f"zenloop answered {answer.status_code} to {path}.", status=answer.status_code
            )
        return body_of(answer, "zenloop")

    def _response(
        self, raw: Mapping[str, Any], survey: str, kind: Literal["relationship", "transactional"]
    ) -> Response:
        tags = raw.get("metatags")
        tags = tags if isinstance(tags, dict) else {}
        identity, key_type = _word(raw.get("identity")), raw.get("identity_type")
        given = _moment(raw.get("inserted_at"))
        account = tags.get(self.account_property) or tags.get(self.customer_property)
        return Response(
            id=_word(raw.get("id")) or "",
            platform="zenloop",
            survey=survey,
            kind=kind,
            metric=METRICS.get(str(raw.get("score_type") or "nps"), "other"),
            score=_number(raw.get("score")),
            comment=_word(raw.get("comment")),
            sentiment=_word(raw.get("sentiment")),
            labels=_labels(raw.get("labels")),
            contact_key=identity if key_type != "email" else None,
            account_key=_word(account),
            company=_word(tags.get("company")),
            email=_word(raw.get("email")) or (identity if key_type == "email" else None),
            submitted_at=given,
            updated_at=given,
        )


def _object(body: object, path: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Malformed(
            f"zenloop sent a {type(body).__name__} to {path} where an object was promised.",
            hint="Run again; the watermark has not moved. Is `url` right?",
        )
    return body


def _rows(body: Mapping[str, Any], key: str, path: str) -> list[Mapping[str, Any]]:
    rows = body.get(key)
    if not isinstance(rows, list):
        raise Malformed(
            f"zenloop sent no list of {key} to {path}.",
            hint="Run again; the watermark has not moved. Is `url` right?",
        )
    return [_object(row, path) for row in rows]


def _total(body: Mapping[str, Any]) -> int | None:
    """How many there are in all; None when the platform does not say."""
    meta = body.get("meta")
    total = meta.get("total") if isinstance(meta, dict) else None
    return total if isinstance(total, int) else None


def _word(value: object) -> str | None:
    """Text, or a number as text; anything else is no word."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _labels(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _moment(text: object) -> datetime | None:
    """A moment; None when it is missing or cannot be read."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lane(_: str, path: str) -> str:
    return "answers" if path.endswith("/answers") else "surveys"
