"""Logging in to Salesforce with a browser: out with a challenge, back here with a code."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from ...errors import AuthError
from ...login import loopback
from ...login.loopback import Proof
from . import kept
from .flows import Browser
from .refusals import LoginRefused
from .tokens import Token, TokenHost

SCOPES = "api id refresh_token"
NOBODY_CAME = (
    "Run it again. If the page showed an error: redirect_uri_mismatch means that `callback` is not "
    "registered at the app letter for letter, “app must be installed” that the app is not one of "
    "this org."
)


def log_in(
    host: TokenHost, auth: Browser, show: Callable[[str], None], *, patience: float
) -> Token:
    """Have a person allow it, at the address that is shown, and keep the login."""
    proof = Proof()
    with loopback.listening(auth.callback, proof.state, "Salesforce") as answers:
        show(_address(host, auth, proof))
        answer = loopback.answer(answers, patience, "Salesforce", hint=NOBODY_CAME)
    if "code" not in answer:
        raise LoginRefused(answer.get("error", "no code"), answer.get("error_description", ""))
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": auth.callback,
        "code_verifier": proof.verifier,
        **auth.client,
    }
    token = host.token(form, repeatable=False)
    if not token.refresh:
        raise AuthError(
            "Salesforce gave no refresh token, so the login would end with this session.",
            hint="Select the scope refresh_token (offline_access) in the app's OAuth settings.",
        )
    kept.begin(auth.refresh_token, auth.client_id, token)
    return token


def _address(host: TokenHost, auth: Browser, proof: Proof) -> str:
    query = {
        "response_type": "code",
        "client_id": auth.client_id,
        "redirect_uri": auth.callback,
        "scope": SCOPES,
        **proof.query,
    }
    return f"{host.session.base}/services/oauth2/authorize?{urlencode(query)}"
