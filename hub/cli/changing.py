"""Options of ``send`` that recall, update or replace a document, answer one, or set an hour; and the letter of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hub import clock
from hub.language import _

if TYPE_CHECKING:
    from hub.envelope.writing import Business, Reference

# the document id of the field: organ, yyyy/MM/dd, number/notation
_FORM_A = re.compile(
    r"(?P<organ>[^,\s]+),(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d),(?P<number>[^/,]{1,11})/(?P<notation>.+)"
)

Recall = Annotated[
    str, typer.Option("--recall", metavar="ID", help=_("Take this document back from those in --to; needs no file."))
]
Update = Annotated[
    str, typer.Option("--update", metavar="ID", help=_("Update this document; files only where it has new ones."))
]
Replace = Annotated[
    list[str], typer.Option("--replace", metavar="ID", help=_("Replace this document; may be repeated."))
]
Add = Annotated[
    list[str], typer.Option("--add", metavar="CODE", help=_("With --update: a new recipient; may be repeated."))
]
Remove = Annotated[
    list[str],
    typer.Option("--remove", metavar="CODE", help=_("With --update: no longer a recipient; may be repeated.")),
]
Answers = Annotated[
    list[str], typer.Option("--answers", metavar="ID", help=_("Document that this one answers; may be repeated."))
]
NotBefore = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"],
        help=_("Vietnamese time before which nobody is shown the letter; makes it scheduled express (priority 4)."),
    ),
]
Paper = Annotated[bool, typer.Option("--paper", help=_("A paper copy follows."))]


@dataclass(frozen=True, slots=True)
class Change:
    """What those options say together; ``business_type`` is the plain number, for those who know it."""

    recall: str = ""
    update: str = ""
    replace: Sequence[str] = ()
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    answers: Sequence[str] = ()
    not_before: datetime | None = None
    paper: bool = False
    business_type: int = 0

    def check(self) -> None:
        """Raises ``typer.BadParameter`` where the options contradict each other."""
        kinds = [bool(one) for one in (self.recall, self.update, self.replace, self.business_type)]
        if sum(kinds) > 1:
            raise typer.BadParameter(_("Give one of --recall, --update and --replace."))
        if (self.add or self.remove) and not self.update:
            raise typer.BadParameter(_("--add and --remove belong to --update."))

    @property
    def document(self) -> str:
        """The document that is recalled or updated, whose id the message repeats."""
        return self.recall or self.update

    def business(self, reason: str, to: Sequence[str], with_files: bool) -> Business:
        from hub.envelope.writing import Business

        kind = 1 if self.recall else 2 if self.update else 3 if self.replace else self.business_type
        return Business(
            type=kind,
            reason=reason,
            document_id=self.document,
            paper=int(self.paper),
            document_changed=bool(self.update) and with_files,
            receivers={**dict.fromkeys(self.remove, 0), **dict.fromkeys(self.add, 1)},
            replaces={one: tuple(to) for one in self.replace},
        )

    def answered(self) -> tuple[Reference, ...]:
        from hub.envelope.writing import Reference

        return tuple(Reference(Named.of(one).organ, one) for one in self.answers)

    def hour(self) -> datetime | None:
        return None if self.not_before is None else self.not_before.replace(tzinfo=clock.VIETNAM)


@dataclass(frozen=True, slots=True)
class Named:
    """What a document id of the usual form says of the document; empty for any other."""

    organ: str = ""
    day: date | None = None
    number: str = ""
    notation: str = ""

    @classmethod
    def of(cls, document_id: str) -> Named:
        found = _FORM_A.fullmatch(document_id)
        if found is None:
            return cls()
        try:
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:  # real ids name 30 February
            day = None
        return cls(found["organ"], day, found["number"], found["notation"])
