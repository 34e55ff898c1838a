"""Reading a verified tree into the model, by namespace and absolute path.

Tolerant where real senders differ (child order, prefixes, ``cid:`` or not, empty elements), strict where reading could
become ambiguous: an element that carries meaning may stand only once.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hub.envelope.model import (
    Business,
    ChangedReceiver,
    Contact,
    EncodedAttachment,
    FieldText,
    ManifestEntry,
    ParsedEnvelope,
    ParsedStatus,
    Party,
    Replaced,
    ResponseFor,
)
from hub.envelope.names import BODY, ENVELOPE, HEADER, LIENTHONG, MESSAGE_HEADER, ROOT, SIGNATURE, XLINK, q
from hub.problems import Refused

Element = Any  # lxml's elements have no usable public type
# in a row; what Unicode's stream-safe text allows (UAX #15 §13)
MARKS = 30
SHOWN = 1000  # characters of a text, places of a list
_OWN = q("")


class _Node:
    """An element with its children in order and by tag, walked over once: each is asked for several times a letter."""

    __slots__ = ("children", "element", "named", "tag")

    def __init__(self, element: Element) -> None:
        self.element = element
        self.tag: str = element.tag
        self.children = [_Node(child) for child in element]
        self.named: dict[str, list[_Node]] = {}
        for child in self.children:
            self.named.setdefault(child.tag, []).append(child)

    def all(self, tag: str) -> Sequence[_Node]:
        """The children with this tag."""
        return self.named.get(tag, ())


def _only(parent: _Node, tag: str) -> _Node | None:
    """The single child with this tag, or None; a second one is refused."""
    found = parent.all(tag)
    if len(found) > 1:
        raise Refused("edxml-structure", f"{_local(tag)} stands {len(found)} times", path_of(found[1].element))
    return found[0] if found else None


def _required(parent: _Node, tag: str) -> _Node:
    found = _only(parent, tag)
    if found is None:
        raise Refused("edxml-structure", f"{_local(tag)} is missing", path_of(parent.element))
    return found


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _step(tag: str) -> str:
    """The name by which ``fields`` knows an element; ``*:`` before it is XPath 2.0 for any namespace."""
    return tag[len(_OWN) :] if tag.startswith(_OWN) else f"*:{_local(tag)}"


def path_of(element: Element) -> str:
    """A readable XPath without namespaces: ``/edXML/edXMLEnvelope/…/To[2]/OrganId``.

    It counts siblings: for one node of a refusal, not for every node of a list.
    """
    steps: list[str] = []
    node = element
    while node is not None:
        parent = node.getparent()
        step = _local(node.tag)
        if parent is not None:
            same = list(parent.iterchildren(node.tag))
            if len(same) > 1:
                step += f"[{same.index(node) + 1}]"
        steps.append(step)
        node = parent
    return "/" + "/".join(reversed(steps))


def _text(parent: _Node | None, *tags: str) -> str:
    """Text of the element at the end of a chain of single children: NFC, stripped; empty when any is absent."""
    node = parent
    for tag in tags:
        if node is None:
            return ""
        node = _only(node, q(tag))
    if node is None:
        return ""
    if node.children:
        raise Refused(
            "edxml-structure", f"{_local(node.tag)} holds elements where text is expected", path_of(node.element)
        )
    return _own_text(node)


def _own_text(node: _Node) -> str:
    text: str = (node.element.text or "").strip()
    if text.isascii():
        return text
    # normalising sorts a run of marks in quadratic time: 60,000 of them take eight seconds
    if len(text) > MARKS and _too_many_marks().search(text):
        raise Refused("xml-limit", f"more than {MARKS} combining marks in a row", path_of(node.element))
    return unicodedata.normalize("NFC", text)


@functools.cache
def _too_many_marks() -> re.Pattern[str]:
    marks = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
    return re.compile(f"[{marks}]{{{MARKS + 1}}}")


def _is_status(header: _Node) -> bool:
    """Whether the message is a status message: told apart by ``StatusCode`` (both kinds share ``MessageHeader``)."""
    return bool(header.all(q("StatusCode")))


def _edxml_header(root: _Node) -> _Node:
    """``edXMLHeader`` of a root that must be ``edXML`` in the namespace of QCVN 102:2016."""
    if root.tag != ROOT:
        raise Refused("edxml-root", str(root.tag), "/")
    return _required(_required(root, ENVELOPE), HEADER)


def read_document(element: Element) -> ParsedEnvelope:
    """The document message under this root. Raises ``Refused`` for ``edxml-*`` and ``message-type-mismatch``."""
    root = _Node(element)
    head = _edxml_header(root)
    header = _required(head, MESSAGE_HEADER)
    if _is_status(header):
        raise Refused("message-type-mismatch", "a status message", path_of(header.element))
    trace = _only(head, q("TraceHeaderList"))
    business = None if trace is None else _only(trace, q("Bussiness"))
    other, code, kind = (_only(header, q(name)) for name in ("OtherInfo", "Code", "DocumentType"))
    sender, told = _party(_required(header, q("From"))), _business(business)
    return ParsedEnvelope(
        sender=sender,
        recipients=tuple(_party(to) for to in header.all(q("To"))),
        document_id=_text(header, "DocumentId"),
        number=_text(code, "CodeNumber"),
        notation=_text(code, "CodeNotation"),
        promulgation_date=_text(header, "PromulgationInfo", "PromulgationDate"),
        document_type=_text(kind, "TypeName") or _text(kind, "Type"),
        subject=_text(header, "Subject"),
        business_type=told.type,
        business=told,
        not_before="" if other is None else _own_element(other, "NotBefore"),
        priority=_text(other, "Priority") or "0",
        due_date=_text(header, "DueDate"),
        manifest=_manifest(root),
        attachments=_attachments(root),
        response_for=tuple(_response(node) for node in header.all(q("ResponseFor")) if node.children),
        fields=_fields(header, trace),
        head=_head(header, sender, other, told),
    )


def _fields(header: _Node, trace: _Node | None) -> dict[str, tuple[FieldText, ...]]:
    """Every non-empty text of the header by path, the signature's aside.

    What is of another namespace is ``*:Name``: it may be looked at, and never stands for an element of edXML.
    """
    found: dict[str, list[FieldText]] = {}

    def walk(node: _Node, path: str, number: int) -> None:
        if node.children:
            for child in node.children:
                walk(child, f"{path}/{_step(child.tag)}", number)
        elif text := _own_text(node):
            found.setdefault(path, []).append(FieldText(text, number))

    numbers: Counter[str] = Counter()
    for child in header.children:
        name = _step(child.tag)
        numbers[name] += 1
        walk(child, name, numbers[name])
    if trace is not None:
        walk(trace, "TraceHeaderList", 1)
    return {path: tuple(texts) for path, texts in found.items()}


def read_status(element: Element) -> ParsedStatus:
    """The status message under this root. Raises ``Refused`` for ``edxml-*`` and ``message-type-mismatch``."""
    header = _required(_edxml_header(_Node(element)), MESSAGE_HEADER)
    if not _is_status(header):
        raise Refused("message-type-mismatch", "a document message", path_of(header.element))
    staff = _only(header, q("StaffInfo"))
    return ParsedStatus(
        reporter=_party(_required(header, q("From"))),
        response_for=_response(_required(header, q("ResponseFor"))),
        code=_text(header, "StatusCode"),
        description=_text(header, "Description"),
        timestamp=_text(header, "Timestamp"),
        staff=_text(staff, "Staff"),
        signed=next(element.iter(SIGNATURE), None) is not None,
    )


def _party(node: _Node) -> Party:
    return Party(
        code=_text(node, "OrganId"),
        name=_text(node, "OrganName"),
        in_charge=_text(node, "OrganizationInCharge"),
        address=_text(node, "OrganAdd"),
        email=_text(node, "Email"),
    )


def _response(node: _Node) -> ResponseFor:
    return ResponseFor(
        code=_text(node, "OrganId"),
        notation=_text(node, "Code"),
        document_id=_text(node, "DocumentId"),
        promulgation_date=_text(node, "PromulgationDate"),
    )


def _business(node: _Node | None) -> Business:
    """``Bussiness`` whole (clause 2.2)."""
    if node is None:
        return Business()
    info = _only(node, q("BussinessDocumentInfo"))
    return Business(
        type=_text(node, "BussinessDocType") or "0",
        reason=_text(node, "BussinessDocReason"),
        document_id=_text(node, "DocumentId"),
        document_changed=_text(info, "DocumentInfo"),
        receivers_changed=_text(info, "DocumentReceiver"),
        receivers=tuple(
            ChangedReceiver(_text(one, "OrganId"), _text(one, "ReceiverType"))
            for one in _listed(info, "ReceiverList", "Receiver")
        ),
        replaces=tuple(
            Replaced(
                _text(one, "DocumentId"),
                tuple(code for organ in _listed(one, "OrganIdList", "OrganId") if (code := _own_text(organ))),
            )
            for one in _listed(node, "ReplacementInfoList", "ReplacementInfo")
        ),
        paper=_text(node, "Paper"),
        staff=tuple(
            Contact(*(_text(one, name) for name in ("Department", "Staff", "Mobile", "Email")))
            for one in node.all(q("StaffInfo"))
        ),
    )


def _listed(parent: _Node | None, group: str, item: str) -> Sequence[_Node]:
    """The children ``item`` of the single child ``group``; none where it is absent."""
    found = None if parent is None else _only(parent, q(group))
    return [] if found is None else found.all(q(item))


def _head(header: _Node, sender: Party, other: _Node | None, business: Business) -> dict[str, Any]:
    """What is shown of the letter's head but never acted on, as far as a page can show it."""
    places, signer = _only(header, q("ToPlaces")), _only(header, q("SignerInfo"))
    head = {
        "sender_name": sender.name,
        "place": _text(header, "PromulgationInfo", "Place"),
        "content": _text(header, "Content"),
        "competence": _text(signer, "Competence"),
        "signer_position": _text(signer, "Position"),
        "signer_name": _text(signer, "FullName"),
        "page_amount": _text(other, "PageAmount"),
        "business_reason": business.reason,
        "paper": business.paper,
        "business_document_id": business.document_id,
        "to_places": [] if places is None else [_own_text(node) for node in places.all(q("Place"))],
    }
    return {name: value[:SHOWN] for name, value in head.items() if value}


def content_id(text: str) -> str:
    """A ContentId without ``cid:``: Java senders write it, .NET senders do not (edXML 1.2, attachments)."""
    return text.removeprefix("cid:")


def _manifest(root: _Node) -> tuple[ManifestEntry, ...]:
    body = _only(_required(root, ENVELOPE), BODY)
    if body is None:
        return ()
    # the public SDK's parser also accepts the name Manifest
    found = [one for name in ("edXMLManifest", "Manifest") if (one := _only(body, q(name))) is not None]
    if not found:
        return ()
    if len(found) > 1:
        raise Refused("edxml-structure", "edXMLManifest and Manifest", path_of(found[1].element))
    manifest = found[0]
    place = f"/edXML/edXMLEnvelope/edXMLBody/{_local(manifest.tag)}"
    return tuple(
        ManifestEntry(
            content_id=_listed_id(node),
            name=_text(node, "AttachmentName"),
            content_type=_text(node, "ContentType"),
            location=f"{place}/Reference[{number}]",
            digest=_own_element(node, "Digest"),
            size=_own_element(node, "Size"),
        )
        for number, node in enumerate(manifest.all(q("Reference")), 1)
    )


def _listed_id(reference: _Node) -> str:
    """The attachment that a ``Reference`` lists, by ``ContentId`` or by link; both must mean the same one."""
    named = content_id(_text(reference, "ContentId"))
    linked = content_id(reference.element.get(f"{{{XLINK}}}href", "").strip())
    if named and linked and named != linked:
        raise Refused("edxml-structure", f"ContentId is {named}, the link is {linked}", path_of(reference.element))
    return named or linked


def _own_element(parent: _Node, name: str) -> str:
    """Text of an element of our own namespace, which the one signature covers too (``urn:lienthong:edxml:1``)."""
    node = _only(parent, f"{{{LIENTHONG}}}{name}")
    if node is None:
        return ""
    if node.children:
        raise Refused("edxml-structure", f"{name} holds elements where text is expected", path_of(node.element))
    return _own_text(node)


def _attachments(root: _Node) -> tuple[EncodedAttachment, ...]:
    payload = _only(root, q("AttachmentEncoded"))
    if payload is None:
        return ()
    nodes = payload.all(q("Attachment"))
    return tuple(
        _attachment(node, f"/edXML/AttachmentEncoded/Attachment[{number}]") for number, node in enumerate(nodes, 1)
    )


def _attachment(node: _Node, location: str) -> EncodedAttachment:
    encoded = _only(node, q("ContentTransferEncoded"))
    if encoded is not None and encoded.children:
        raise Refused("edxml-structure", "ContentTransferEncoded holds elements", path_of(encoded.element))
    return EncodedAttachment(
        content_id=content_id(_text(node, "ContentId")),
        name=_text(node, "AttachmentName"),
        content_type=_text(node, "ContentType"),
        node=None if encoded is None else encoded.element,
        location=location,
    )
