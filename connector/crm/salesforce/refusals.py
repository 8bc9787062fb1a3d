"""What Salesforce's login host says no with, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import requests

from ...errors import AuthError, Malformed, RemoteError, Throttled
from ...login.refused import LOGIN_AGAIN, Refused

APPROVE = (
    "The user must be pre-authorised for the app: Setup → External Client App Manager → the app → "
    "Policies → permitted users “Admin approved”, and a permission set with the app for the user."
)
INSTALL = (
    "Salesforce blocks apps that are not installed in the org. Create the external client app in "
    "this org itself, or let an admin install it: Setup → Connected Apps OAuth Usage → Install."
)
PAGE = (
    "Often a page for people: single sign-on, maintenance, or a proxy. Check `login_url`, open it "
    "in a browser, and look at https://status.salesforce.com."
)
#: Which hint goes with which words of the description; the first that fits.
BY_WORDS: Mapping[str, str] = {
    "app must be installed": INSTALL,
    "oauth_app_access_denied": APPROVE,
    "oauth_app_blocked": "An admin has blocked the app: Setup → Connected Apps OAuth Usage.",
    "oauth_approval_error": INSTALL,
    "hasn't approved": APPROVE,
    "not admin approved": APPROVE,
    "audience is invalid": "Set `audience` to https://login.salesforce.com, or to "
    "https://test.salesforce.com for a sandbox, also when `login_url` is a My Domain.",
    "expired access/refresh token": "The refresh token was used up, revoked, or not used for 30 "
    f"days. {LOGIN_AGAIN}",
    "expired authorization code": f"A code is good for 15 minutes and one use. {LOGIN_AGAIN}",
    "token validity expired": "The assertion was dated wrongly: does a proxy change the `Date` "
    "header of Salesforce's answers?",
    "invalid assertion": "Does the private key belong to the certificate on the app, and is the "
    "app less than ten minutes old? New apps take that long.",
    "ip restricted": "Relax the IP restrictions in the app's policies, or add this machine's "
    "address to the trusted ranges of the user's profile.",
    "login rate exceeded": "A user may log in 3,600 times an hour. Wait for the next hour.",
    "not supported on this domain": "Client credentials need your My Domain as `login_url`: "
    "https://example.my.salesforce.com.",
    "no client credentials user": "Name the user to run as: the app → Policies → Client "
    "Credentials Flow → Run As.",
    "client credentials flow": "Switch the client credentials flow on: the app → Settings → OAuth.",
    "code verifier": "The proof key did not fit, as if two logins ran at once. " + LOGIN_AGAIN,
    "authentication failure": "Is the user active and not locked, and may it use the API? The "
    "user's login history in Setup says why it was refused.",
}
BY_CODE: Mapping[str, str] = {
    "invalid_grant": "Is the user active, pre-authorised for the app, and the audience "
    "login.salesforce.com (test.salesforce.com for a sandbox)?",
    "invalid_client": "Check client_secret: it belongs to the app that client_id names. An app "
    "that requires no secret must not be sent one.",
    "invalid_client_id": "Check client_id: the consumer key of the external client app. Does the "
    "app belong to this org (production or sandbox), and is it older than ten minutes?",
    "invalid_request": "Does the app require what this flow does not send? Look at its OAuth "
    "settings.",
    "invalid_scope": "Select the scopes api, id and refresh_token in the app's OAuth settings.",
    "unsupported_grant_type": "Enable this flow on the external client app.",
    "inactive_user": "Activate the user, or let another one log in.",
    "inactive_org": "The org is locked, expired or being moved: ask its admin or Salesforce.",
    "rate_limit_exceeded": "A user may log in 3,600 times an hour. Wait for the next hour.",
    "redirect_uri_mismatch": "Register `callback` at the app, letter for letter.",
    "invalid_app_access": APPROVE,
    "access_denied": "Somebody chose “Deny”, or the user may not use the app. " + APPROVE,
    "OAUTH_APP_ACCESS_DENIED": APPROVE,
    "OAUTH_APP_BLOCKED": "An admin has blocked the app: Setup → Connected Apps OAuth Usage.",
    "OAUTH_APPROVAL_ERROR_GENERIC": INSTALL,
    "API_DISABLED_FOR_ORG": "The org's edition, or the user's permissions, have no API.",
    "API_CURRENTLY_DISABLED": "The org is locked, for example while it is moved. Try again later.",
}
#: What is said of a refresh token that is good for nothing any more.
DEAD = "expired access/refresh token"
#: Refusals that time heals.
LATER = ("rate_limit_exceeded", "login rate exceeded")


class LoginRefused(Refused):
    """The login host said no, and why."""

    system = "Salesforce"

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code, description, hint=hint(code, description))

    @property
    def is_dead(self) -> bool:
        return DEAD in self.description


def hint(code: str, description: str) -> str:
    """What to do about an error and its description."""
    words = f"{code} {description}".casefold()
    found = next((advice for part, advice in BY_WORDS.items() if part in words), None)
    return found or BY_CODE.get(code, "Check [crm.auth] in the configuration.")


def refused(answer: requests.Response) -> AuthError | RemoteError:
    """The error that an answer of status 400 or more stands for."""
    body = body_of(answer)
    code = str(body.get("error") or body.get("errorCode") or f"status {answer.status_code}")
    description = str(body.get("error_description") or body.get("message") or "")
    if any(part in f"{code} {description}" for part in LATER):
        return Throttled(
            f"Salesforce takes no more logins of this user: {code}.",
            hint=hint(code, description),
            status=answer.status_code,
            code=code,
        )
    return LoginRefused(code, description)


def body_of(answer: requests.Response) -> dict[str, str]:
    """The JSON object in an answer of the login host, which may well be a page for people."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
        raise Malformed(
            f"Salesforce's login host answered {answer.status_code} with {kind}, not with JSON.",
            hint=PAGE,
            status=answer.status_code,
        ) from error
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {}
