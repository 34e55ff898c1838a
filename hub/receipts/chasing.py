"""What the chaser does with one delivery at a look: worked out from its row and the policy alone. Pure.

A step is done, left out, or put off until a time (``Progress``, kept in the row). At a look all steps whose time has
come are settled: those that are moot, or overtaken by a later one to the same reader, are left out. So a hub that was
away for days sends one message to each, not all that it missed, and a clock that jumps neither loses nor repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from hub.ledger.overdue import ENDED, REPORTED_ENDS, Chased
from hub.receipts.deadlines import DeadlinePolicy, Step

Overdue = Literal["", "unconfirmed", "unprocessed"]
Mailed = Literal["sent", "failed", "nobody"]
ASKED = "asked"
"""The step that a sender's own question makes: mail to the duty contact, besides the notice that it sent at once."""

# who may be mailing is left alone for so long; a mail that failed is tried again after so long at least, at most
CLAIM = timedelta(minutes=5)
LEAST, MOST = timedelta(minutes=5), timedelta(hours=2)
GIVE_UP = timedelta(hours=24)


@dataclass(slots=True)
class Progress:
    """How far a delivery was chased, as the row's text: ``confirm.remind.1 -confirm.warn.1 confirm.contact.1~179…``.

    ``-`` before the name of a step that was left out; ``~`` and POSIX seconds after one that is put off.
    """

    done: dict[str, bool] = field(default_factory=dict)
    later: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Progress:
        progress = cls()
        for word in text.split():
            name, put_off, seconds = word.partition("~")
            if put_off:
                progress.later[name] = datetime.fromtimestamp(int(seconds), UTC)
            else:
                progress.done[name.removeprefix("-")] = not name.startswith("-")
        return progress

    def text(self) -> str:
        words = [name if sent else f"-{name}" for name, sent in self.done.items()]
        return " ".join([*words, *(f"{name}~{int(until.timestamp())}" for name, until in self.later.items())])

    def settle(self, name: str, *, sent: bool) -> None:
        self.done[name] = sent
        self.later.pop(name, None)

    def put_off(self, name: str, until: datetime) -> None:
        """Whole seconds are kept: never earlier than asked for."""
        self.later[name] = until.replace(microsecond=0) + timedelta(seconds=1)

    @property
    def sent(self) -> tuple[str, ...]:
        return tuple(name for name, sent in self.done.items() if sent)


@dataclass(frozen=True, slots=True)
class Look:
    """What to do now, and what the row says afterwards. ``chase_at`` None: there is nothing left to chase."""

    steps: tuple[Step, ...]
    chase_at: datetime | None
    chase_step: str


def look(policy: DeadlinePolicy, row: Chased, now: datetime) -> Look:
    """The steps to take now. Contact steps stay claimed for ``CLAIM``, until ``mailed`` says how it went."""
    progress = Progress.read(row.chase_step)
    steps = _steps(policy, row, progress)
    if not row.chase_step:
        _leave_out_early(steps, progress, row)
    ready = [step for step in steps if step.name not in progress.done and _time(step, progress) <= now]
    chosen = _last_for_each([step for step in ready if not moot(step, row)])
    if any(step.kind == "end" for step in chosen) and _is_being_taken(row, now):
        assert row.available_at is not None, "a leased delivery has the end of its lease"
        progress.put_off("expires.end", row.available_at)
        ready = [step for step in ready if step.kind != "end"]
        chosen = _last_for_each([step for step in ready if not moot(step, row)])
    for step in ready:
        if step.kind == "contact" and step in chosen:
            progress.put_off(step.name, now + CLAIM)
        else:
            progress.settle(step.name, sent=step in chosen)
    return Look(tuple(chosen), _next(steps, progress, row), progress.text())


def _leave_out_early(steps: Iterable[Step], progress: Progress, row: Chased) -> None:
    """What would have been before the letter was there: before the first look that was planned for it."""
    for step in steps:
        if row.chase_at is not None and step.at < row.chase_at:
            progress.settle(step.name, sent=False)


def mailed(policy: DeadlinePolicy, row: Chased, names: Iterable[str], now: datetime, outcome: Mailed) -> Look:
    """What the row says once the duty contacts were written to about these steps, could not be, or are none."""
    progress = Progress.read(row.chase_step)
    steps = _steps(policy, row, progress)
    for step in steps:
        if step.name not in names or step.name in progress.done:
            continue
        since = now - step.at
        if outcome == "failed" and since <= GIVE_UP:
            progress.put_off(step.name, now + max(LEAST, min(MOST, since)))
        else:
            progress.settle(step.name, sent=outcome == "sent")
    progress.done.pop(ASKED, None)  # it may be asked again
    return Look((), _next(steps, progress, row), progress.text())


def asked(policy: DeadlinePolicy, row: Chased, now: datetime) -> tuple[datetime, str]:
    """``chase_at`` and ``chase_step`` after the sender's question: the duty contact is written to at the next look."""
    progress = Progress.read(row.chase_step)
    if not row.chase_step:
        _leave_out_early(_steps(policy, row, progress), progress, row)
    progress.later[ASKED] = now.replace(microsecond=0)
    return min(row.chase_at or now, now), progress.text()


def moot(step: Step, row: Chased) -> bool:
    """Whether what the step would speak of has happened, or does not matter any more."""
    if over(row):
        return True
    if step.phase == "expires":
        return row.state == "settled"
    if step.name == ASKED:
        return False
    return step.phase == "confirm" and row.status_code is not None


def over(row: Chased) -> bool:
    """Whether nothing of a delivery is waited for: it ended otherwise, was sent anew, is finished or taken back."""
    return row.superseded_by is not None or row.state in ENDED or row.status_code in REPORTED_ENDS


def overdue(
    state: str,
    status_code: str | None,
    confirm_by: datetime | None,
    process_by: datetime | None,
    now: datetime,
) -> Overdue:
    """Which deadline a current delivery has missed, the first one first; empty when none."""
    if state in ENDED or status_code in REPORTED_ENDS:
        return ""
    if status_code is None and confirm_by is not None and confirm_by < now:
        return "unconfirmed"
    return "unprocessed" if process_by is not None and process_by < now else ""


def _steps(policy: DeadlinePolicy, row: Chased, progress: Progress) -> tuple[Step, ...]:
    steps = policy.steps(row, row.confirm_by, row.process_by, row.expires_at)
    if ASKED not in progress.later:
        return steps
    confirming = row.status_code is None or row.process_by is None
    deadline = (row.confirm_by if confirming else row.process_by) or progress.later[ASKED]
    return (*steps, Step(ASKED, "confirm" if confirming else "process", "contact", progress.later[ASKED], deadline))


def _time(step: Step, progress: Progress) -> datetime:
    return progress.later.get(step.name, step.at)


def _is_being_taken(row: Chased, now: datetime) -> bool:
    return row.state == "leased" and row.available_at is not None and row.available_at > now


def _last_for_each(steps: Sequence[Step]) -> list[Step]:
    """One step a reader: the end before all, a signed notice before a warning, else the last one."""
    ends = [step for step in steps if step.kind == "end"]
    if ends:
        return ends[-1:]
    notices = [step for step in steps if step.kind == "notice"] or [step for step in steps if step.kind == "warn"]
    chosen = [
        *[step for step in steps if step.kind == "remind"][-1:],
        *[step for step in steps if step.kind == "contact"][-1:],
        *notices[-1:],
    ]
    return sorted(chosen, key=lambda step: step.at)


def _next(steps: Iterable[Step], progress: Progress, row: Chased) -> datetime | None:
    times = [_time(step, progress) for step in steps if step.name not in progress.done and not moot(step, row)]
    return min(times, default=None)
