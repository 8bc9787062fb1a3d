"""A login that is refused."""

from __future__ import annotations

from typing import ClassVar

from ..errors import AuthError

LOGIN_AGAIN = "Run `connector auth login`."


class Refused(AuthError):
    """The other side gives no token, and says why in a word and a description."""

    system: ClassVar = "The other side"

    def __init__(self, code: str, description: str, *, hint: str = "") -> None:
        said = f"{code} ({description})" if description else code
        super().__init__(f"{self.system} refused the login: {said}.", hint=hint)
        self.code = code
        self.description = description

    @property
    def is_dead(self) -> bool:
        """Whether the refresh token that was shown is good for nothing any more."""
        return False
