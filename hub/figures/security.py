"""The security sheet of a month: how often what was refused, seen and done, from the counts of the log's entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.audit import Event
from hub.language import Language, gettext, mark
from hub.ledger import Transaction, figures
from hub.problems import explain

REVOKED = ("certificate-revoked", "certificate-expired", "certificate-not-yet-valid")
MALWARE = ("attachment-malware",)
SECRETS = ("secret-document",)


@dataclass(frozen=True, slots=True)
class SecurityLine:
    """Entries of one kind and code: how many in the month, how many in the one before."""

    words: str
    kind: str
    code: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    name: str
    heading: str
    lines: tuple[SecurityLine, ...]

    @property
    def alarming(self) -> bool:
        """One of it is one too many."""
        return self.name in ("certificates", "malware", "secrets", "incidents")

    @property
    def now(self) -> int:
        return sum(line.now for line in self.lines)

    @property
    def before(self) -> int:
        return sum(line.before for line in self.lines)


def _refused(kind: str, code: str) -> bool:
    return kind == Event.ENVELOPE_REFUSED and code not in (*REVOKED, *MALWARE, *SECRETS)


def _certificates(kind: str, code: str) -> bool:
    late = kind == Event.REVOCATION_SETTLED and code == "certificate-revoked"
    return late or (kind == Event.ENVELOPE_REFUSED and code in REVOKED)


def _malware(kind: str, code: str) -> bool:
    # accepted with a warning or refused: the operator was told of either
    return kind == Event.OPERATOR_ALERTED and code in MALWARE


def _secrets(kind: str, code: str) -> bool:
    return kind == Event.OPERATOR_ALERTED and code in SECRETS


def _incidents(kind: str, _code: str) -> bool:
    return kind.startswith("incident.")


def _sign_ins(kind: str, _code: str) -> bool:
    return kind.startswith(("person.login", "person.lock"))


def _acts(kind: str, code: str) -> bool:
    """What people decided and changed."""
    areas = ("registry.", "policy.", "proposal.", "person.", "retention.", "replay.", "suspension.", "log.", "figures.")
    return kind.startswith((*areas, "evidence.")) and not _sign_ins(kind, code)


Chosen = Callable[[str, str], bool]
# name, heading, which entries; the first that wants an entry has it
GROUPS: tuple[tuple[str, str, Chosen], ...] = (
    ("certificates", mark("Attempts with revoked or expired certificates"), _certificates),
    ("malware", mark("Malware found"), _malware),
    ("secrets", mark("State secrets that came to this network"), _secrets),
    ("refused", mark("Other refused submissions, by cause"), _refused),
    ("incidents", mark("Incidents"), _incidents),
    ("sign-ins", mark("Sign-ins"), _sign_ins),
    ("acts", mark("Administrative acts"), _acts),
)


def groups(transaction: Transaction, month: str, kinds: Mapping[str, str], language: Language) -> list[SecurityGroup]:
    """Every group, also those without an entry; the most frequent lines first. ``kinds``: what entries are called."""
    year, number = map(int, month.split("-"))
    last = f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for one in figures.codes(transaction, figures.WHOLE, "branch", [month, last]):
        counted.setdefault((one.kind, one.code), {})[one.month] = one.entries
    left = dict(counted)
    made = []
    for name, heading, chosen in GROUPS:
        keys = [key for key in left if chosen(*key)]
        lines = [
            SecurityLine(_words(*key, kinds, language), *key, left[key].get(month, 0), left[key].get(last, 0))
            for key in keys
        ]
        for key in keys:
            del left[key]
        lines.sort(key=lambda line: (-line.now, -line.before, line.kind, line.code))
        made.append(SecurityGroup(name, gettext(heading, language), tuple(lines)))
    return made


def _words(kind: str, code: str, kinds: Mapping[str, str], language: Language) -> str:
    if kind in (Event.ENVELOPE_REFUSED, Event.OPERATOR_ALERTED):
        return explain(code).title(language)
    return kinds.get(kind, kind)
