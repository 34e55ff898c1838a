"""``lienthong trust``, ``system``, ``agency``, ``person``: the administrator's registry, on the hub's own machine."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import contacts, output, people, systems
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from cryptography import x509

    from hub.ledger.trust import AddedList


def _read(path: Path, load: Callable[[bytes], Any], what: str) -> Any:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise Refused("registry-invalid", f"{path}: {error.strerror}", what) from error
    except ValueError as error:
        raise Refused("certificate-malformed", str(path), what) from error


def read_certificate(path: Path) -> x509.Certificate:
    from cryptography import x509

    certificate: x509.Certificate = _read(path, x509.load_pem_x509_certificate, "certificate")
    return certificate


def trust_add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.pem", exists=True, dir_okay=False)],
    crl: Annotated[list[Path], typer.Option("--crl", metavar="FILE", help=_("A revocation list, PEM or DER."))] = [],  # noqa: B006 - Typer never changes it
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from cryptography import x509

    from hub.cli.pem import revocation_lists
    from hub.ledger import registration

    anchors = [one for file in files for one in _read(file, x509.load_pem_x509_certificates, "anchor")]
    lists = [one for file in crl for one in _read(file, revocation_lists, "crl")]

    def every(transaction: Any) -> tuple[list[str], list[AddedList]]:
        return (
            [registration.add_anchor(transaction, anchor) for anchor in anchors],
            [registration.add_list(transaction, one) for one in lists],
        )

    with opened(data) as ledger:
        added, kept = ledger.write_now(every)
    shown = {
        "anchors": added,
        "lists": [one.issuer for one in kept],
        "unverified": [one.issuer for one in kept if not one.verified],
    }
    not_yet = _("its authority's certificate is not known yet, so its signature is checked when a letter brings it")
    output.show(shown, [*added, *(one.issuer if one.verified else f"{one.issuer}: {not_yet}" for one in kept)])


def trust_list(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import trust

    with opened(data) as ledger:
        anchors, lists = ledger.read_now(trust.listing)
    shown = {
        "anchors": [{**one, "not_after": f"{one['not_after']:%Y-%m-%d}"} for one in anchors],
        "lists": [
            {**one, "this_update": str(one["this_update"]), "next_update": str(one["next_update"])} for one in lists
        ],
    }
    rows = [(one["sha256"][:16], one["subject"], one["not_after"]) for one in shown["anchors"]]
    rows += [(_("list"), one["issuer"], one["next_update"]) for one in shown["lists"]]
    output.show(shown, output.table((_("Digest"), _("Subject"), _("Valid until")), rows))


def agency_add(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    name: Annotated[str, typer.Argument(metavar="NAME")],
    system: Annotated[str, typer.Option("--system", metavar="NAME")],
    parent: Annotated[str | None, typer.Option("--parent", metavar="CODE")] = None,
    alias: Annotated[list[str], typer.Option("--alias", metavar="CODE")] = [],  # noqa: B006 - Typer never changes it
    certificate: Annotated[Path | None, typer.Option("--certificate", metavar="FILE.pem")] = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import registration

    loaded = None if certificate is None else read_certificate(certificate)
    with opened(data) as ledger:
        ledger.write_now(registration.add_agency, code, name, system, parent, alias, loaded)
    output.show({"code": code, "name": name}, [f"{code}  {name}"])


def agency_certify(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    certificate: Annotated[Path, typer.Argument(metavar="FILE.pem")],
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import registration

    loaded = read_certificate(certificate)
    with opened(data) as ledger:
        sha256 = ledger.write_now(registration.add_certificate, code, loaded)
    output.show({"code": code, "sha256": sha256}, [f"{code}  {sha256}"])


def agency_certificates(
    code: Annotated[str, typer.Argument(metavar="CODE")], data: Data = None, as_json: output.AsJson = False
) -> None:
    from hub.ledger import agencies

    def held(transaction: Any) -> list[Any]:
        known = agencies.find(transaction, [code]).get(code)
        if known is None:
            raise Refused("registry-unknown", code, "agency")
        return agencies.certificates(transaction, known.code)

    with opened(data) as ledger:
        found = ledger.read_now(held)
    shown = [
        {
            "sha256": one.sha256,
            "subject": one.subject,
            "not_before": f"{one.not_before:%Y-%m-%d}",
            "not_after": f"{one.not_after:%Y-%m-%d}",
            "active": one.withdrawn_at is None,
        }
        for one in found
    ]
    rows = [
        (one["sha256"][:16], one["subject"], one["not_after"], _("yes") if one["active"] else _("no")) for one in shown
    ]
    output.show(shown, output.table((_("Digest"), _("Subject"), _("Valid until"), _("Active")), rows))


def agency_withdraw(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help=_("The certificate's digest, or its beginning."))],
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import registration

    with opened(data) as ledger:
        withdrawn = ledger.write_now(registration.withdraw_certificate, code, sha256)
    output.show({"code": code, "sha256": withdrawn}, [f"{code}  {withdrawn}"])


def agency_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Columns: code, name, system, parent, aliases (separated by spaces), certificate (path). All rows or none."""
    from hub.ledger import agencies, registration

    try:
        with file.open(encoding="utf-8-sig", newline="") as opened_file:
            rows = list(csv.DictReader(opened_file))
    except (OSError, ValueError, csv.Error) as error:  # ValueError: not UTF-8
        raise Refused("registry-invalid", f"{file.name}: {error}", "file") from error

    def every(transaction: Any) -> int:
        # one for all: a hundred thousand versions of its row in one transaction would be walked for each agency
        revision = agencies.raise_revision(transaction)
        for number, row in enumerate(rows, 2):
            try:
                path = (row.get("certificate") or "").strip()
                registration.add_agency(
                    transaction,
                    (row.get("code") or "").strip(),
                    row.get("name") or "",
                    (row.get("system") or "").strip(),
                    (row.get("parent") or "").strip() or None,
                    (row.get("aliases") or "").split(),
                    read_certificate(file.parent / path) if path else None,
                    revision=revision,
                )
            except Refused as refusal:
                raise Refused(refusal.code, f"{refusal.detail} ({file.name}:{number})", "row") from refusal
        return len(rows)

    with opened(data) as ledger:
        count = ledger.write_now(every)
    output.show({"imported": count}, [f"{count} {_('agencies imported')}"])


def agency_list(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import agencies

    with opened(data) as ledger:
        found = ledger.read_now(agencies.page, None, None, 1_000_000)
    shown = [
        {"code": one.code, "name": one.name, "system": one.system, "parent": one.parent, "aliases": list(one.aliases)}
        for one in sorted(found, key=lambda one: one.code)
    ]
    rows = [(one["code"], one["name"], one["system"], " ".join(one["aliases"] or [])) for one in shown]
    output.show(shown, output.table((_("Code"), _("Name"), _("System"), _("Aliases")), rows))


def register(app: typer.Typer) -> None:
    groups: tuple[tuple[str, str, dict[str, Callable[..., None]]], ...] = (
        ("trust", _("Trust anchors and revocation lists."), {"add": trust_add, "list": trust_list}),
        ("system", _("Document systems and their credentials."), systems.COMMANDS),
        (
            "agency",
            _("Agencies, their identifiers and certificates."),
            {
                "add": agency_add,
                "certify": agency_certify,
                "certificates": agency_certificates,
                "withdraw": agency_withdraw,
                "import": agency_import,
                "list": agency_list,
            },
        ),
        ("person", _("People who may log in."), people.COMMANDS),
    )
    for noun, text, commands in groups:
        group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
        for verb, command in commands.items():
            group.command(verb)(command)
        if noun == "agency":
            group.add_typer(contacts.group(), name="contact", help=_("Whom to write to when documents lie there."))
        app.add_typer(group, name=noun, help=text)
