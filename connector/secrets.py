"""Secrets: kept elsewhere, referred to by `keyring:`, `env:` or `file:`, never shown."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from .errors import ConfigError, Locked

FORMS = "keyring:SERVICE/NAME, env:NAME or file:PATH"
WRITABLE_FORMS = "keyring:SERVICE/NAME or file:PATH"
#: How many seconds to wait for another process: longer than a request for a token may take.
PATIENCE = 180.0
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class _Reference:
    """Where a secret is kept. It says where and never what."""

    __slots__ = ("reference",)
    _form: ClassVar = re.compile(r"(keyring|env|file):.+")
    _wrong: ClassVar = f"a secret is not written here; refer to it as {FORMS}"

    def __init__(self, reference: str) -> None:
        if not self._form.fullmatch(reference):
            raise ValueError(self._wrong)
        self.reference = reference

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reference})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and getattr(other, "reference", "") == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written to disk")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """In a configuration a secret is a text: its reference."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class Secret(_Reference):
    """A reference to a secret. It does not print itself; only `reveal` fetches and gives it."""

    __slots__ = ("_value",)

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self._value: str | None = None

    def reveal(self) -> str:
        """The secret itself. Raises ConfigError when it is not where the reference points."""
        if self._value is None:
            self._value = _fetch(self.reference)
        return self._value


class Vault(_Reference):
    """A reference to a secret that is replaced in use: whole or not at all, by one at a time."""

    __slots__ = ()
    _form: ClassVar = re.compile(r"(keyring|file):.+")
    _wrong: ClassVar = f"it is replaced when it is used; refer to it as {WRITABLE_FORMS}"

    def read(self) -> str:
        """What is kept there now; empty if there is nothing."""
        if self._in_keyring:
            return _keyring(self._place) or ""
        return _file(self._place) if self._path.exists() else ""

    def write(self, secret: str) -> None:
        """Keep this instead. After that no crash brings the old one back."""
        if self._in_keyring:
            with _ring(self._place, "take") as (ring, service, name):
                ring.set_password(service, name, secret)
        else:
            _replace(self._path, secret)

    def clear(self) -> None:
        """Keep nothing any more."""
        if self._in_keyring:
            with _ring(self._place, "forget") as (ring, service, name):
                if ring.get_password(service, name) is not None:
                    ring.delete_password(service, name)
        else:
            self._path.unlink(missing_ok=True)

    @contextmanager
    def lock(self, patience: float = PATIENCE) -> Iterator[None]:
        """Be the only one of all threads and processes here, or raise Locked.

        SQLite's lock, on an empty file, works on every system and dies with its process.
        """
        with closing(_opened(self._lock_path, patience)) as held:
            try:
                held.execute("begin exclusive")
            except sqlite3.OperationalError as error:
                raise Locked(
                    f"Another process has been busy with {self.reference} for {patience:.0f} s.",
                    hint=f"Wait for it, or end the process that holds {self._lock_path}.",
                ) from error
            yield

    @property
    def _in_keyring(self) -> bool:
        return self.reference.startswith("keyring:")

    @property
    def _place(self) -> str:
        return self.reference.partition(":")[2]

    @property
    def _path(self) -> Path:
        # Behind a symbolic link it is the file that is replaced, not the link.
        return Path(self._place).expanduser().resolve()

    @property
    def _lock_path(self) -> Path:
        if not self._in_keyring:
            return self._path.with_name(f"{self._path.name}.lock")
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(state) / "crm-health-connector" / f"{quote(self._place, safe='')}.lock"


def _opened(lock: Path, patience: float) -> sqlite3.Connection:
    try:
        lock.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return sqlite3.connect(lock, timeout=patience, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise ConfigError(
            f"The file {lock} cannot be written, which keeps two processes from one login.",
            hint="Let this user write to its folder.",
        ) from error


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


def _replace(path: Path, secret: str) -> None:
    """A new file under the old name: whoever reads meets the one or the other, never half."""
    new = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with os.fdopen(os.open(new, flags, PRIVATE_FILE), "w", encoding="utf-8") as out:
            new.chmod(PRIVATE_FILE)
            out.write(secret)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
        _settle(path.parent)
    except OSError as error:
        raise ConfigError(
            f"The secret file {path} cannot be written: {error.strerror}.",
            hint="Let this user write to its folder, or keep the secret in the keyring.",
        ) from error


def _settle(folder: Path) -> None:
    """Make a new name last. Windows opens no folders, and needs no asking."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _keyring(entry: str) -> str | None:
    with _ring(entry, "give") as (ring, service, name):
        found: str | None = ring.get_password(service, name)
    return found


@contextmanager
def _ring(entry: str, doing: str) -> Iterator[tuple[Any, str, str]]:
    """The keyring, and the names it knows an entry by."""
    import keyring
    import keyring.errors

    service, _, name = entry.partition("/")
    name = name or "connector"
    try:
        yield keyring, service, name
    except keyring.errors.KeyringError as error:
        hint = f"Store it with: keyring set {service} {name}"
        if doing != "give":
            hint = "Unlock the keyring for this user, or keep the secret in a file: file:PATH."
        raise ConfigError(
            f"The keyring did not {doing} {service}/{name}: {error}.", hint=hint
        ) from error
