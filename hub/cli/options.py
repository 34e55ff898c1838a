"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import mimetypes
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub import clock, language
from hub.cli.changing import Change, Named
from hub.language import _

if TYPE_CHECKING:
    from adapters.client import FilePart, HubClient, Profile
    from hub.envelope.writing import Letter, OutgoingAttachment

_DAY = ["%Y-%m-%d", "%d/%m/%Y"]

As = Annotated[
    Path,
    typer.Option("--as", envvar="LIENTHONG_PROFILE", metavar="PROFILE", help=_("The agency's profile (TOML file).")),
]
Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, metavar="FILE", help=_("Documents, or one .edxml envelope.")),
]
To = Annotated[list[str], typer.Option("--to", metavar="CODE", help=_("Recipient's identifier; may be repeated."))]
Subject = Annotated[
    str, typer.Option(metavar="TEXT", help=_("Subject; the first file's name when absent."), show_default=False)
]
Number = Annotated[
    str, typer.Option(metavar="TEXT", help=_("Number; made from the time when absent."), show_default=False)
]
NOTATION = "CV"
Notation = Annotated[
    str, typer.Option(metavar="TEXT", help=_("Notation, such as SNV-VP; CV when absent."), show_default=False)
]
Day = Annotated[
    datetime | None, typer.Option("--date", metavar="DAY", formats=_DAY, help=_("Day of issue; today when absent."))
]
Kind = Annotated[str, typer.Option("--type", metavar="TYPE", help=_("Type of document, by name or number (1 to 32)."))]
Priority = Annotated[
    int,
    typer.Option(
        metavar="0…4", min=0, max=4, help=_("0 ordinary, 1 urgent, 2 very urgent, 3 express, 4 scheduled express.")
    ),
]
Due = Annotated[datetime | None, typer.Option(metavar="DAY", formats=_DAY, help=_("Day by which an answer is wanted."))]
DocumentId = Annotated[
    str, typer.Option(metavar="ID", help=_("Document id; made of code, day and number when absent."))
]
Content = Annotated[str, typer.Option(metavar="TEXT", help=_("Summary."))]
Position = Annotated[str, typer.Option(metavar="TEXT", help=_("Position of the person who signed."))]
BusinessType = Annotated[
    int, typer.Option(metavar="0…3", min=0, max=3, help=_("0 new, 1 recall, 2 update, 3 replace."))
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help=_("Reason."))]


@dataclass(frozen=True, slots=True)
class Draft:
    """The head of a letter as the command line gives it."""

    to: list[str]
    subject: str = ""
    number: str = ""
    notation: str = ""
    day: datetime | None = None
    kind: str = "18"
    priority: int = 0
    due: datetime | None = None
    document_id: str = ""
    content: str = ""
    position: str = ""
    reason: str = ""
    change: Change = field(default_factory=Change)


def connect(profile: Profile) -> HubClient:
    """A client that asks for explanations in the language of this terminal."""
    return profile.client(language.current.get())


def is_envelope(files: list[Path]) -> bool:
    """Whether the arguments are one .edxml envelope rather than documents to put into one."""
    envelopes = [file for file in files if file.suffix.lower() == ".edxml"]
    if envelopes and len(files) > 1:
        raise typer.BadParameter(_("Give one .edxml envelope, or documents only."))
    return bool(envelopes)


# files longer than this travel beside the document by themselves: base64 would make them a third longer still
BESIDE_FROM = 8 * 1024 * 1024


def signed_envelope(files: list[Path], draft: Draft, profile: Profile, *, replace: bool = False) -> bytes:
    """The envelope in ``files`` signed, or a new letter around the documents in it; raises ``Refused`` as ``sign``."""
    signed, _ = signed_with_parts(files, draft, profile, sys.maxsize, replace=replace)
    return signed


def signed_with_parts(
    files: list[Path], draft: Draft, profile: Profile, beside_from: int, *, replace: bool = False
) -> tuple[bytes, list[FilePart]]:
    """The same with files of at least ``beside_from`` octets beside it, which the signed manifest binds."""
    from hub.envelope.writing import document_message
    from hub.signatures.sign import sign, without_signatures

    if is_envelope(files):
        message = files[0].read_bytes()
        return sign(without_signatures(message) if replace else message, profile.signer()), []
    draft.change.check()
    if not files and not draft.change.document:
        raise typer.BadParameter(_("A letter needs at least one document; only a recall or an update has none."))
    if not draft.to:
        raise typer.BadParameter(_("A letter needs at least one recipient: --to CODE."))
    attachments, parts = _attachments(files, beside_from)
    title = files[0].stem if files else draft.change.document
    return sign(document_message(_letter(title, attachments, draft, profile)), profile.signer()), parts


def _attachments(files: list[Path], beside_from: int) -> tuple[list[OutgoingAttachment], list[FilePart]]:
    from adapters.client.files import beside
    from hub.envelope.writing import OutgoingAttachment

    attachments: list[OutgoingAttachment] = []
    parts: list[FilePart] = []
    for file in files:
        if file.stat().st_size < beside_from:
            attachments.append(OutgoingAttachment(file.name, file.read_bytes(), _media_type(file)))
        else:
            attachment, part = beside(file, _media_type(file))
            attachments.append(attachment)
            parts.append(part)
    return attachments, parts


def _letter(title: str, attachments: list[OutgoingAttachment], draft: Draft, profile: Profile) -> Letter:
    from hub.envelope.writing import Letter, Party, Signatory

    type_code, type_name = _document_type(draft.kind)
    moment = clock.now()
    local = moment.astimezone(clock.VIETNAM)
    change = draft.change
    named, hour = Named.of(change.document), change.hour()
    return Letter(
        sender=Party(profile.agency, profile.name),
        recipients=tuple(Party(code) for code in dict.fromkeys(draft.to)),
        number=draft.number or named.number or local.strftime("%m%d%H%M%S"),
        notation=draft.notation or named.notation or NOTATION,
        promulgated=_date(draft.day) or named.day or local.date(),
        subject=draft.subject or title,
        content=draft.content,
        attachments=tuple(attachments),
        type_code=type_code,
        type_name=type_name,
        signatory=Signatory("", draft.position) if draft.position else None,
        due=_date(draft.due),
        priority=4 if hour and not draft.priority else draft.priority,
        answers=change.answered(),
        business=change.business(draft.reason, draft.to, bool(attachments)),
        document_id=draft.document_id or change.document,
        written_at=moment,
        not_before=hour,
    )


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _media_type(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _document_type(text: str) -> tuple[int, str]:
    """A type by number, or by name in any case."""
    from hub.envelope.writing import ADMINISTRATIVE_TYPES

    for code, name in ADMINISTRATIVE_TYPES.items():
        if text.strip().casefold() in (str(code), name.casefold()):
            return code, name
    raise typer.BadParameter(_("Unknown type of document: {name}").format(name=text))
