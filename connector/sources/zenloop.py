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
        key = str(survey["public_hash_id"])
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
        """Page after page until the platform's own total is reached.

        The server may hand out smaller pages than were asked for, so a short page is no end.
        """
        got, page = 0, 1
        while True:
            body = self._get(path, page=page, per_page=PER_PAGE, **query)
            rows = body[key]
            yield from rows
            got += len(rows)
            total = int((body.get("meta") or {}).get("total") or got)
            if got >= total:
                return
            if not rows:
                raise Malformed(
                    f"zenloop promised {total} {key} and sent {got}.",
                    hint="Run again; the watermark has not moved.",
                )
            page += 1

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
        tags = raw.get("metatags") or {}
        identity, key_type = raw.get("identity"), raw.get("identity_type")
        given = _moment(raw["inserted_at"])
        return Response(
            id=str(raw["id"]),
            platform="zenloop",
            survey=survey,
            kind=kind,
            metric=METRICS.get(str(raw.get("score_type") or "nps"), "other"),
            score=raw.get("score"),
            comment=raw.get("comment") or None,
            sentiment=raw.get("sentiment") or None,
            labels=tuple(raw.get("labels") or ()),
            contact_key=identity if identity and key_type != "email" else None,
            account_key=tags.get(self.account_property) or tags.get(self.customer_property),
            company=tags.get("company"),
            email=raw.get("email") or (identity if key_type == "email" else None),
            submitted_at=given,
            updated_at=given,
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lane(_: str, path: str) -> str:
    return "answers" if path.endswith("/answers") else "surveys"
