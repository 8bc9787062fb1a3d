"""Ways into HubSpot, as `[crm.auth]` names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import AuthError
from ...secrets import Secret


@dataclass(frozen=True, slots=True)
class Token:
    """A service key, or the token of a private app: made once in HubSpot, sent with every call.

    It does not expire. A service key is made under Development → Keys → Service keys.
    """

    token: Secret
    flow: Literal["token"] = "token"

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token.reveal()}"

    def renew(self, stale: str) -> None:  # noqa: ARG002 (credentials' shape)
        """There is nothing to renew."""
        raise AuthError(
            f"HubSpot does not accept the token in {self.token.reference}.",
            hint="Was it rotated, revoked, or cut when it was stored? Make or rotate a service key "
            "under Development → Keys → Service keys, and store it again.",
        )

    @property
    def calls(self) -> int:
        """Requests that logging in takes."""
        return 0


#: What can be said for `[crm.auth]`.
Auth = Token
