"""Logging in to HubSpot with a browser: out with a challenge, back to this machine with a code."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from ...errors import AuthError
from ...login import kept, loopback
from ...login.loopback import Proof
from .auth import OAuth
from .refusals import LoginRefused
from .tokens import Token, TokenHost

NOBODY_CAME = (
    "Run it again. If the page showed an error: the redirect URL must be registered at the app "
    "letter for letter, and every scope in `scopes` must be one of the app's required ones, every "
    "one in `optional_scopes` one of its optional ones."
)


def log_in(host: TokenHost, auth: OAuth, show: Callable[[str], None], *, patience: float) -> Token:
    """Have a person allow it, at the address that is shown, and keep the login."""
    proof = Proof()
    with loopback.listening(auth.callback, proof.state, "HubSpot") as answers:
        show(_address(auth, proof))
        answer = loopback.answer(answers, patience, "HubSpot", hint=NOBODY_CAME)
    if "code" not in answer:
        raise LoginRefused(answer.get("error", "no code"), answer.get("error_description", ""))
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": auth.callback,
        "code_verifier": proof.verifier,
        **auth.client,
    }
    token = host.token(form)
    if not token.refresh:
        raise AuthError(
            "HubSpot gave no refresh token, so the login would end in half an hour.",
            hint='Is it an app with OAuth? A service key needs no login: flow = "token".',
        )
    kept.begin(auth.refresh_token, auth.client_id, token)
    return token


def _address(auth: OAuth, proof: Proof) -> str:
    query = {
        "client_id": auth.client_id,
        "redirect_uri": auth.callback,
        "scope": " ".join(auth.scopes),
        "optional_scope": " ".join(auth.optional_scopes),
        **proof.query,
    }
    return f"{auth.authorize_url}?{urlencode({name: text for name, text in query.items() if text})}"
