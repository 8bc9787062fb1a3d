"""Budget: how many API calls this run may still make."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .app import App


@dataclass(frozen=True, slots=True)
class Budgeted:
    """The allowance as the CRM's headers say it: used and allowed per day, and our share."""

    used: int
    allowed: int
    ours: int

    @classmethod
    def of(cls, app: App) -> Budgeted:
        """What the CRM has said so far; our share is of the whole day's allowance."""
        used, allowed = app.crm.allowance()
        return cls(used, allowed, int(allowed * app.budget.share))

    @property
    def left(self) -> int | None:
        """Calls left before our share or the day's allowance is gone; None when not known."""
        return max(0, min(self.ours, self.allowed) - self.used) if self.allowed else None

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
