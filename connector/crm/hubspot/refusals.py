"""What HubSpot says no with when a login is asked for, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import requests

from ...errors import Malformed
from ...login.refused import LOGIN_AGAIN, Refused

PAGE = (
    "Often a page for people: maintenance or a proxy. Check `url`, and look at "
    "https://status.hubspot.com."
)
#: Which hint goes with which word; the words are those of OAuth v1 as well as of the later ones.
HINTS: Mapping[str, str] = {
    "BAD_REFRESH_TOKEN": f"The app was uninstalled, or the login was taken back. {LOGIN_AGAIN}",
    "BAD_AUTH_CODE": f"A code is good for one use. {LOGIN_AGAIN}",
    "EXPIRED_AUTH_CODE": f"A code is good for a few minutes. {LOGIN_AGAIN}",
    "MISMATCH_REDIRECT_URI_AUTH_CODE": "Register `callback` at the app, letter for letter.",
    "BAD_CODE_VERIFIER": f"The proof key did not fit, as if two logins ran at once. {LOGIN_AGAIN}",
    "BAD_CLIENT_ID": "Check client_id: it stands under the app's Auth tab, and belongs to one app.",
    "BAD_CLIENT_SECRET": "Check client_secret: was it rotated? It stands under the app's Auth tab.",
    "BAD_GRANT_TYPE": "Does `url` lead to HubSpot, and is `api_version` one that it serves?",
    "MISMATCH_CLIENT_ID": f"The refresh token belongs to another app. {LOGIN_AGAIN}",
    "access_denied": "Somebody chose “Cancel”, or may not install apps: a super admin, or a user "
    "with the permission App Marketplace Access, can.",
    "invalid_client": "Check client_id and client_secret: they stand under the app's Auth tab.",
    "invalid_grant": f"The code or refresh token is not good any more. {LOGIN_AGAIN}",
}
DEAD = frozenset({"BAD_REFRESH_TOKEN", "MISMATCH_CLIENT_ID"})


class LoginRefused(Refused):
    """HubSpot gives no token, and says why."""

    system = "HubSpot"

    def __init__(self, code: str, description: str) -> None:
        advice = HINTS.get(code, "Check [crm.auth] in the configuration.")
        super().__init__(code, description, hint=advice)

    @property
    def is_dead(self) -> bool:
        return self.code in DEAD


def refused(answer: requests.Response) -> LoginRefused:
    """The error that an answer of status 400 or more stands for."""
    body = body_of(answer)
    words = (body.get("category"), body.get("status"), body.get("error"))
    code = next((str(each) for each in words if each and each != "error"), "")
    said = str(body.get("message") or body.get("error_description") or "")
    return LoginRefused(code or f"status {answer.status_code}", said)


def body_of(answer: requests.Response) -> dict[str, object]:
    """The JSON object in an answer, which may well be a page for people."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
        raise Malformed(
            f"HubSpot answered a login with {answer.status_code} and {kind}, not with JSON.",
            hint=PAGE,
            status=answer.status_code,
        ) from error
    return body if isinstance(body, dict) else {}
