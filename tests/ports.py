"""Ports of this machine at which a test listens only later."""

from __future__ import annotations

import secrets
import socket

#: Below those that a system gives to connections of its own accord: of these it may give one away
#: between our asking for it and our listening there, while hundreds of tests call sandboxes.
_OURS = range(20_000, 32_000)
_TRIES = 100


def free() -> int:
    """A port where nobody listens, and that nobody is given unless he asks for it."""
    for _ in range(_TRIES):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", secrets.choice(_OURS)))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise OSError(f"None of {_TRIES} ports between {_OURS[0]} and {_OURS[-1]} is free.")
