"""Whether our mail server would take mail for a mailbox: asked without sending any."""

from __future__ import annotations

import asyncio

from adapters.mail.submission import Submission
from hub.delivery.carrier import Failed
from tests.mail.postoffice import PostOffice


def probed(office: PostOffice, recipient: str) -> Failed | None:
    async def once() -> Failed | None:
        submission = Submission(office.server())
        try:
            return await submission.probe(recipient)
        finally:
            submission.close()

    return asyncio.run(once())


def test_a_mailbox_is_asked_for_and_nothing_is_sent(office: PostOffice) -> None:
    assert probed(office, "vanthu@h33.example") is None
    office.rcpt.append("550 5.1.1 no such user")
    failed = probed(office, "nobody@h33.example")
    assert failed is not None
    assert (failed.code, failed.detail) == ("rejected", "RCPT TO: 550 5.1.1 no such user")
    assert office.letters == []
