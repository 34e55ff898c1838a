"""``summary.html``: the pack for a reader of law, not of keys; one file, no script, nothing loaded, printable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from hub.clock import VIETNAM, parse_rfc3339
from hub.evidence import words
from hub.evidence.proving import Published, unstamped
from hub.evidence.records import Named
from hub.evidence.words import Pair
from hub.ledger.case import Case, Leaf, Stamp
from hub.signatures.jws import from_b64url

_STYLE = """
@page { size: A4; margin: 16mm 14mm; }
* { box-sizing: border-box; }
html { background: #eef0f2; color: #17202b; font: 15px/1.5 "Noto Sans", "Segoe UI", Roboto, Arial, sans-serif; }
body { max-width: 960px; margin: 24px auto; padding: 40px 48px; background: #fff; border: 1px solid #d7dce1; }
header { display: flex; justify-content: space-between; gap: 24px; padding-bottom: 16px; }
header { border-bottom: 3px solid #a4262c; }
h1 { margin: 0; font-size: 22px; line-height: 1.3; }
h2 { margin: 32px 0 8px; font-size: 16px; padding-bottom: 4px; border-bottom: 1px solid #c3cad1; break-after: avoid; }
i { font-style: normal; color: #56616d; } i::before { content: " · "; }
h1 i, .lead i { display: block; font-weight: 400; font-size: 15px; } h1 i::before, .lead i::before { content: ""; }
.who { text-align: right; font-size: 13px; }
dl { display: grid; grid-template-columns: 15em 1fr; gap: 6px 20px; margin: 0; }
dt i { display: block; font-size: 12.5px; line-height: 1.3; } dt i::before, th i::before { content: ""; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; } tr { break-inside: avoid; }
th { text-align: left; font-weight: 600; font-size: 13px; } th i { display: block; font-weight: 400; }
th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid #e1e5e9; vertical-align: top; }
ul { margin: 0; padding: 0; list-style: none; } li { margin-bottom: 4px; }
time, .code { font-variant-numeric: tabular-nums; white-space: nowrap; color: #56616d; font-size: 13px; }
.note { margin: 16px 0 0; padding: 10px 14px; background: #f6f7f8; border-left: 3px solid #56616d; }
.warn { background: #fdf3e1; border-color: #9a5b00; }
.lead { margin: 0 0 4px; font-size: 18px; font-weight: 650; } small { font-size: 13px; color: #56616d; }
footer { margin-top: 32px; padding-top: 12px; border-top: 1px solid #c3cad1; font-size: 13px; color: #56616d; }
@media (max-width: 640px) { body { margin: 0; padding: 20px 16px; border: 0; } header, dl { display: block; }
  .who { text-align: left; margin-top: 8px; } dt { margin-top: 10px; } table, tbody, tr, td { display: block; }
  thead { display: none; } td { border: 0; padding: 2px 0; } tr { padding: 8px 0; border-bottom: 1px solid #e1e5e9; } }
@media print { html { background: #fff; font-size: 10.5pt; }
  body { max-width: none; margin: 0; padding: 0; border: 0; } }
"""


def page(case: Case, named: Named, published: Published, stamps: Sequence[tuple[str, str, Stamp]], at: datetime) -> str:
    """The whole page."""
    title = f"{case.letter.number}/{case.letter.notation}"
    sections = (
        _head(published, at),
        _notes(case),
        _section(words.DOCUMENT, _document(case, named)),
        _section(words.SIGNER, _signer(case)),
        _section(words.COURSE, _course(case)),
        _section(words.PROVED, _proved(case, stamps)),
        f"<footer>{_both(words.NOT_A_VERDICT)}<br>{_both(words.TIMES)}</footer>",
    )
    return (
        '<!DOCTYPE html>\n<html lang="vi"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light">'
        f"<title>{escape(title)} – {words.TITLE[0]}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _both(pair: Pair) -> str:
    vi, en = pair
    return f'{escape(vi)}<i lang="en">{escape(en)}</i>'


def _section(title: Pair, body: str) -> str:
    return f"<section><h2>{_both(title)}</h2>\n{body}\n</section>"


def _time(moment: datetime) -> str:
    local = moment.astimezone(VIETNAM)
    return f'<time datetime="{moment.isoformat()}">{local:%d/%m/%Y %H:%M:%S}</time>'


def _code(code: str) -> str:
    return f'<span class="code">{escape(code)}</span>'


def _facts(rows: Iterable[tuple[Pair, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_both(name)}</dt><dd>{value}</dd>\n" for name, value in rows if value) + "</dl>"


def _table(heads: Sequence[Pair], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_both(one)}</th>' for one in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _head(published: Published, at: datetime) -> str:
    who = f'<div class="who"><b>{escape(published.hub)}</b><br>{_both(words.MADE)}<br>{_time(at)}</div>'
    return f"<header><h1>{_both(words.TITLE)}</h1>{who}</header>"


def _notes(case: Case) -> str:
    found = []
    if case.purged is not None:
        said = f"{_time(case.purged.at)}, {escape(case.purged.asked_by)}, {escape(case.purged.decided_by)}"
        found.append(f'<p class="note warn">{_both(words.PURGED)}<br>{said}: {escape(case.purged.reason)}</p>')
    if not case.whole:
        found.append(f'<p class="note">{_both(words.ONE_SIDE)}</p>')
    return "\n".join(found)


def _document(case: Case, named: Named) -> str:
    letter = case.letter
    parts = "<br>".join(f"{escape(one.name)} <small><code>{one.sha256}</code></small>" for _, one in named.parts)
    return f'<p class="lead">{escape(letter.subject)}</p>' + _facts(
        (
            (
                words.SENDER,
                f'<b>{escape(letter.sender_name)}</b> <span class="code">{escape(letter.sender_code)}</span>',
            ),
            (words.NUMBER, escape(f"{letter.number}/{letter.notation}")),
            (words.KIND, escape(letter.document_type)),
            (words.PROMULGATED, f"{letter.promulgated_on:%d/%m/%Y}"),
            (words.ACCEPTED, _time(letter.received_at)),
            (words.DOCUMENT_ID, f"<code>{escape(letter.document_id)}</code>"),
            (words.ENVELOPE_ID, f"<code>{escape(letter.id)}</code>"),
            (words.DIGEST, f"<code>{escape(letter.sha256)}</code>"),
            (words.BESIDE, parts),
        )
    )


def _signer(case: Case) -> str:
    signer: Mapping[str, Any] = case.letter.details.get("signer") or {}
    if not signer.get("subject"):
        return f"<p>{_both(words.NO_SIGNER)}</p>"
    standings = [
        f"{escape(str(one['certificate']))}: {_both(words.GOOD if one['status'] == 'good' else words.UNKNOWN)}"
        + (f" ({escape(one['kind'].upper())} {_time(parse_rfc3339(one['this_update']))})" if one["kind"] else "")
        for one in signer.get("revocations", ())
    ]
    warnings = [escape(f"{one['code']}: {one['detail']}") for one in case.letter.details.get("warnings", ())]
    return _facts(
        (
            (words.CERTIFICATE, f"<b>{escape(str(signer['subject']))}</b>"),
            (words.ISSUER, escape(str(signer.get("issuer", "")))),
            (words.UNTIL, _time(parse_rfc3339(signer["not_after"])) if signer.get("not_after") else ""),
            (words.ALGORITHM, escape(f"{signer.get('algorithm', '')}, {signer.get('digest', '')}")),
            (words.REVOCATION, "<br>".join(standings)),
            (words.WARNINGS, "<br>".join(warnings)),
        )
    )


def _course(case: Case) -> str:
    by_delivery: dict[str, list[Leaf]] = {}
    for leaf in case.leaves:
        if leaf.jws:
            by_delivery.setdefault(leaf.delivery_id, []).append(leaf)
    rows = []
    for row in case.recipients:
        state = words.STATUSES.get(row.status_code or "") or words.STATES.get(row.state, (row.state, row.state))
        steps = "".join(f"<li>{_step(one)}</li>" for one in sorted(by_delivery.get(row.id, []), key=lambda one: one.at))
        name = f"<b>{escape(row.name)}</b><br>{_code(row.code)}"
        rows.append((name, _both(state), f"<ul>{steps}</ul>" if steps else "–"))
    return _table((words.RECIPIENT, words.STATE, words.STEPS), rows)


def _step(leaf: Leaf) -> str:
    """One receipt in words, with what it says beside its event."""
    said: dict[str, Any] = json.loads(from_b64url(leaf.jws.split(".")[1]))
    pair = words.EVENTS.get(leaf.kind, words.NOTICE)
    if leaf.kind == "status.received":
        vi, en = words.STATUSES.get(str(said.get("code")), (str(said.get("code")),) * 2)
        pair = (f"{pair[0]}: {vi}", f"{pair[1]}: {en}")
    more = str(said.get("reason") or said.get("description") or "")
    return f"{_time(leaf.at)} {_both(pair)}" + (f"<br><small>{escape(more)}</small>" if more else "")


def _proved(case: Case, stamps: Sequence[tuple[str, str, Stamp]]) -> str:
    rows = []
    for name, (claim, means, where) in words.PROOFS.items():
        shown, more = _shown(name, case, stamps)
        rows.append((_both(claim), _both(shown), _both(means) + (f"<br><small>{more}</small>" if more else ""), where))
    return _table((words.CLAIM, words.SHOWN, words.BY, words.CHECK), rows)


def _shown(name: str, case: Case, stamps: Sequence[tuple[str, str, Stamp]]) -> tuple[Pair, str]:
    """Whether the pack has it, and what exactly."""
    if name == "octets":
        return (words.YES, "") if case.purged is None else (words.NOT_YET, _both(words.PURGED))
    if name == "receipts":
        return words.YES, _counted(sum(1 for leaf in case.leaves if leaf.jws), words.RECEIPTS)
    if name == "log":
        whole = len(case.proofs) == len(case.leaves)
        found = words.YES if whole else words.IN_PART if case.proofs else words.NOT_YET
        return found, _counted(len(case.proofs), words.RECORDS) + ("" if whole else f"; {_both(words.NOT_SEALED)}")
    if name == "witnesses":
        keys = sorted({witness.partition("+")[0] for rows in case.cosignatures.values() for witness, _ in rows})
        return (words.YES, escape(", ".join(keys))) if keys else (words.NOT_YET, _both(words.NO_WITNESS))
    waiting = unstamped(case)
    times = [f"{_time(one.stamped_at)} {escape(one.authority)}" for _, _, one in stamps]
    found = words.YES if not waiting else words.NOT_YET if len(waiting) == len(case.leaves) else words.IN_PART
    return found, "<br>".join([*times, *([_both(words.PENDING_STAMPS)] if waiting else [])])


def _counted(number: int, what: Pair) -> str:
    return f"{number} {_both(what)}"
