"""Secrets: kept elsewhere, referred to by `keyring:`, `env:` or `file:`, never shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from .errors import ConfigError

FORMS = "keyring:SERVICE/NAME, env:NAME or file:PATH"
_REFERENCE = re.compile(r"(keyring|env|file):.+")


class Secret:
    """A reference to a secret. It does not print itself; only `reveal` fetches and gives it."""

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str) -> None:
        if not _REFERENCE.fullmatch(reference):
            raise ValueError(f"a secret is not written here; refer to it as {FORMS}")
        self.reference = reference
        self._value: str | None = None

    def reveal(self) -> str:
        """The secret itself. Raises ConfigError when it is not where the reference points."""
        if self._value is None:
            self._value = _fetch(self.reference)
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written to disk")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """In a configuration a secret is a text: its reference."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def _fetch(reference: str) -> str:
    scheme, _, rest = reference.partition(":")
    found: str | None
    if scheme == "env":
        found = os.environ.get(rest)
    else:
        found = _file(rest) if scheme == "file" else _keyring(rest)
    if not found:
        raise ConfigError(
            f"The secret {reference} is empty or not there.",
            hint="Set it, or point the configuration at another place.",
        )
    return found


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"The secret file {path} cannot be read: {error.strerror}.",
            hint="Check the path and that the file is readable by this user.",
        ) from error


def _keyring(entry: str) -> str | None:
    import keyring
    import keyring.errors

    service, _, name = entry.partition("/")
    try:
        return keyring.get_password(service, name or "connector")
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"The keyring did not give {service}/{name}: {error}.",
            hint=f"Store it with: keyring set {service} {name or 'connector'}",
        ) from error
