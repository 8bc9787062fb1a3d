"""Whom records refer to: organizations, people, customers, looked up some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Ids → what is known of those that exist.
Lookup = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


@dataclass(slots=True)
class Known:
    """Each is asked for once, `most` in a call; of one that does not exist nothing is known."""

    ask: Lookup
    most: int = 100
    _found: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def learn(self, ids: Iterable[Any]) -> None:
        """Ask for those of whom we have not heard."""
        new = sorted({str(id) for id in ids if id not in {None, ""}} - self._found.keys())
        for start in range(0, len(new), self.most):
            part = new[start : start + self.most]
            self._found |= {id: {} for id in part}
            self._found |= self.ask(part)

    def of(self, id: Any) -> Mapping[str, Any]:
        """What is known of one; empty if nothing is."""
        return self._found.get(str(id), {})
