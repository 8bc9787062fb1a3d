"""Budget: how many API calls this run may still make."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .app import App


@dataclass(frozen=True, slots=True)
class Budgeted:
    """The allowance as the CRM's headers say it: used by everybody and allowed per day; our share
    of it for one run, and what this run has used."""

    used: int
    allowed: int
    ours: int
    made: int = 0

    @classmethod
    def of(cls, app: App) -> Budgeted:
        """What the CRM has said so far; our share is of the whole day's allowance."""
        used, allowed = app.crm.allowance()
        made = sum(app.crm.calls().values())
        return cls(used, allowed, int(allowed * app.budget.share), made)

    @property
    def left(self) -> int | None:
        """Calls left before our share or the day's allowance is gone; None when not known."""
        if not self.allowed:
            return None
        return max(0, min(self.ours - self.made, self.allowed - self.used))

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
