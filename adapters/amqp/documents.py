"""The messages of the channel, as ``schemas/asyncapi.yaml`` describes them: what the hub writes, what it reads."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from hub.broker.port import Note, Said
from hub.broker.topology import RECEIPTS_EXCHANGE
from hub.clock import new_id, parse_rfc3339, rfc3339
from hub.delivery import showing as deliveries
from hub.delivery.carrier import Parcel
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Finding, Refused, explain
from hub.receipts import showing as receipts
from hub.receipts.statuses import MAX_DESCRIPTION

DELIVERY_V1 = "lienthong.delivery.v1"
RECEIPTS_V1 = "lienthong.receipts.v1"
PROBLEM_V1 = "lienthong.problem.v1"
SETTLEMENT_V1 = "lienthong.settlement.v1"
STATUS_V1 = "lienthong.status.v1"
LONGEST_MESSAGE = 64 * 1024
LONGEST_REASON = 1000

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: object) -> object:
    """As RFC 3339 writes it; numbers, which pydantic would take as well, are left to be refused."""
    if not isinstance(value, str):
        return value
    if not _RFC3339.fullmatch(value):
        raise ValueError("a time is written as RFC 3339 says, with its offset")
    return parse_rfc3339(value)


Words = Annotated[str, StringConstraints(pattern="^[^\u0000]*$")]
DeliveryId = Annotated[Words, StringConstraints(min_length=1, max_length=64)]


class Settlement(BaseModel):
    """The end of a delivery's time with the system. ``reason`` is what the sender reads of a refusal."""

    model_config = ConfigDict(extra="forbid", strict=True)
    delivery: DeliveryId
    result: Literal["settled", "refused", "released"]
    reason: Annotated[Words, StringConstraints(max_length=LONGEST_REASON)] = ""


class Status(BaseModel):
    """A business status. ``at`` is when it happened at the office, with its offset."""

    model_config = ConfigDict(extra="forbid", strict=True)
    delivery: DeliveryId
    code: Annotated[Words, StringConstraints(max_length=2)]
    description: Annotated[Words, StringConstraints(max_length=MAX_DESCRIPTION)] = ""
    at: Annotated[datetime | None, BeforeValidator(_moment)] = None


_READ: dict[str, type[Settlement] | type[Status]] = {SETTLEMENT_V1: Settlement, STATUS_V1: Status}


def read(said: Said) -> Settlement | Status:
    """What a system says. Raises ``Refused('request-invalid')`` with a finding for everything that is wrong."""
    model = _READ.get(said.type)
    if model is None:
        raise Refused("request-invalid", f"{said.type!r}: one of {', '.join(_READ)}", "type")
    if len(said.body) > LONGEST_MESSAGE:
        raise Refused("request-invalid", f"{len(said.body)} of {LONGEST_MESSAGE} octets", "body")
    try:
        return model.model_validate_json(said.body)
    except ValidationError as error:
        findings = [
            Finding("request-invalid", one["msg"], "".join(f"/{part}" for part in one["loc"])) for one in error.errors()
        ]
        raise Refused("request-invalid", findings=tuple(findings)) from error


def claim_check(parcel: Parcel, base_url: str, until: datetime) -> Note:
    """A document that lies ready: what it is, where its octets are fetched, how and until when it is settled."""
    letter, speaker = parcel.delivery, parcel.system.client_id
    body = {
        **deliveries.shown(letter),
        "settle_by": rfc3339(until),
        "links": {"content": f"{base_url}/v1/envelopes/{letter.envelope_id}/content"},
        "settle": {
            "exchange": RECEIPTS_EXCHANGE,
            "routing_key": speaker,
            "user_id": speaker,
            "type": SETTLEMENT_V1,
        },
    }
    return Note(DELIVERY_V1, _octets(body), letter.id, letter.priority, parcel.traceparent)


def told(records: Sequence[ReceiptRecord], largest: int) -> list[Note]:
    """Receipts in order, in as few messages as ``largest`` octets each allow; a receipt that is longer goes alone."""
    notes: list[Note] = []
    gathered: list[dict[str, Any]] = []
    size = 0
    for record in records:
        shown = receipts.shown(record)
        length = len(_octets(shown))
        if gathered and size + length > largest:
            notes.append(_receipts(gathered))
            gathered, size = [], 0
        gathered.append(shown)
        size += length
    return [*notes, _receipts(gathered)] if gathered else notes


def _receipts(shown: list[dict[str, Any]]) -> Note:
    # the first one names the message: told again after a failure it begins with the same
    return Note(RECEIPTS_V1, _octets({"receipts": shown}), shown[0]["id"])


@dataclass(frozen=True, slots=True)
class About:
    """The message that a problem is about, in its speaker's own words."""

    message_id: str
    type: str
    delivery: str | None = None


def problem(refusal: Refused, about: About, base_url: str) -> Note:
    """What was wrong with a message of the system; texts in Vietnamese, in both languages behind the link."""
    explained = explain(refusal.code)
    body = {
        "type": f"{base_url}/problems/{refusal.code}",
        "code": refusal.code,
        "title": explained.title("vi"),
        "remedy": explained.remedy("vi"),
        "retryable": explained.retryable,
        "findings": [{"code": one.code, "detail": one.detail, "location": one.location} for one in refusal.findings],
        "about": {"message_id": about.message_id, "type": about.type, "delivery": about.delivery},
    }
    return Note(PROBLEM_V1, _octets(body), new_id())


def _octets(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
