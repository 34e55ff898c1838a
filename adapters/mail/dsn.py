"""Reading what a mail server says about a mail that it could not deliver (RFC 3464), from whomever it comes.

Anybody can send mail to the return path, so a report counts only with the token of a mail of ours, which only those
know who had that mail in their hands. What is not a report, or contradicts itself, raises ``ValueError``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, Parser
from email.policy import compat32

LARGEST = 1024 * 1024
MOST_PARTS = 50
# the parser takes quadratic time for long parameters and long for many lines: what reports never need is left out
MOST_LINES, LONGEST_LINE, MOST_CONTINUED = 10_000, 1000, 20
LONGEST_WORDS = 300

_TOKEN = r"(?<![0-9a-f])([0-9a-f]{32})(?![0-9a-f])"  # noqa: S105 - the form of tokens, not one
_RETURN_PATH = re.compile(rf"bounce\+{_TOKEN}@", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<{_TOKEN}\.[0-9]+@", re.IGNORECASE)
_ENVELOPE_ID = re.compile(rf"\s*{_TOKEN}\s*\Z", re.IGNORECASE)
_STATUS = re.compile(r"\s*([245])\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
_WHERE = ("To", "Delivered-To", "X-Original-To", "Envelope-To")


@dataclass(frozen=True, slots=True)
class Report:
    """``failed``: the mail will not arrive. Neither ``failed`` nor ``delayed``: it did, or went on.

    ``status``: enhanced status code (RFC 3463); ``words``: the server's, one printable line.
    """

    token: str
    failed: bool
    delayed: bool
    status: str
    recipient: str
    words: str


def read(octets: bytes) -> Report:
    """The report in one mail, of which only the first ``LARGEST`` octets count. Raises ``ValueError``."""
    octets = _tamed(octets[:LARGEST])
    # each level of nesting costs the parser a pass over the rest: thousands of them would take hours
    if octets.lower().count(b"boundary") > MOST_PARTS:
        raise ValueError("too many parts")
    try:
        message = BytesParser(policy=compat32).parsebytes(octets)
        parts = message.get_payload() if message.is_multipart() else []
        if not isinstance(parts, list):
            raise ValueError("no delivery status notification")
        children = [part for part in parts if isinstance(part, Message)]
        blocks = [block for part in children if part.get_content_type() in _STATUS_TYPES for block in _blocks(part)]
    except (RecursionError, LookupError, TypeError, AttributeError) as error:  # what the parser does to hostile mail
        raise ValueError(f"unreadable: {type(error).__name__}") from error
    if not blocks:
        raise ValueError("no delivery status notification")
    token = _token(message, blocks, children)
    return _judged(token, [block for block in blocks if "Final-Recipient" in block or "Action" in block])


def _tamed(octets: bytes) -> bytes:
    """The beginning of a mail in lines of lawful length (RFC 5322 §2.1.1), each with few that continue it."""
    kept: list[bytes] = []
    continued = 0
    for line in octets.splitlines()[:MOST_LINES]:
        continued = continued + 1 if line[:1] in (b" ", b"\t") else 0
        if continued <= MOST_CONTINUED:
            kept.append(line[:LONGEST_LINE])
    return b"\r\n".join(kept)


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields (RFC 3464 §2.1): of the message, then of each recipient."""
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else []:
        if not isinstance(block, Message):
            continue
        yield block
        rest = block.get_payload()
        # the parser knows the form of message/delivery-status only
        if part.get_content_type() != _STATUS_TYPES[0] and isinstance(rest, str):
            for group in re.split(r"\r?\n[ \t]*\r?\n", rest)[:MOST_PARTS]:
                if group.strip():
                    yield Parser(policy=compat32).parsestr(group.strip(), headersonly=True)


def _token(message: Message, blocks: list[Message], children: list[Message]) -> str:
    """The mail that is meant. All that names one must name the same."""
    named: set[str] = {
        found.lower() for name in _WHERE for value in _values(message, name) for found in _RETURN_PATH.findall(value)
    }
    for block in blocks:
        named |= {
            one.group(1).lower()
            for value in _values(block, "Original-Envelope-Id")
            if (one := _ENVELOPE_ID.match(value))
        }
    for returned in _returned(children):
        named |= {one.lower() for value in _values(returned, "Message-ID") for one in _MESSAGE_ID.findall(value)}
    if len(named) != 1:
        raise ValueError("names no mail of this hub" if not named else "names several mails")
    [token] = named
    return token


def _returned(children: list[Message]) -> Iterator[Message]:
    """The head of the mail that came back."""
    for part in children:
        if part.get_content_type() not in _RETURNED_TYPES:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            yield from (one for one in payload if isinstance(one, Message))
        elif isinstance(payload, str):
            yield Parser(policy=compat32).parsestr(payload, headersonly=True)


def _values(message: Message, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name, [])]


def _judged(token: str, recipients: Iterable[Message]) -> Report:
    """What became of the mail: failed unless it arrived by another way, as with an address that stands for several."""
    found = [_recipient(token, block) for block in recipients]
    if not found:
        raise ValueError("says nothing about a recipient")
    arrived = [one for one in found if not one.failed and not one.delayed]
    failed = [one for one in found if one.failed]
    return (arrived or failed or found)[0]


def _recipient(token: str, block: Message) -> Report:
    action = _first(block, "Action").partition("(")[0].strip().lower()
    status = _STATUS.match(_first(block, "Status"))
    grade = status.group(1) if status else ""
    if action not in ("failed", "delayed", "delivered", "relayed", "expanded", ""):
        raise ValueError(f"unknown action {action[:40]!r}")
    if (action == "failed" and grade == "2") or (not action and not grade):
        raise ValueError("contradicts itself or says nothing")
    # a server that has tried for days fails a mail for good with a status 4: the action counts (RFC 3464 §2.3.3)
    failed = action == "failed" or (not action and grade == "5")
    delayed = action == "delayed" or (not action and grade == "4")
    _kind, _sep, recipient = _first(block, "Final-Recipient").rpartition(";")
    words = _first(block, "Diagnostic-Code")
    return Report(token, failed, delayed, status.group().strip() if status else "", _plain(recipient), _plain(words))


def _first(block: Message, name: str) -> str:
    return next(iter(_values(block, name)), "")


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LONGEST_WORDS]
