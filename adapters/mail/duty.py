"""Mail to duty contacts: the words are the chaser's, the sending is ours."""

from __future__ import annotations

import structlog

from adapters.mail.composing import Writer
from adapters.mail.submission import Submission
from hub import clock
from hub.delivery.carrier import Failed
from hub.registry.mailbox import is_address

log = structlog.get_logger()
SECONDS = 60.0


class SmtpDutyMail:
    """``hub.receipts.duty.DutyMail`` over SMTP."""

    def __init__(self, submission: Submission, hub: str) -> None:
        self._submission = submission
        self._writer = Writer(hub, submission.server)

    async def send(self, to: str, subject: str, text: str) -> bool:
        """False (logged) when no mail server took it."""
        if not is_address(to):
            log.warning("duty_mail.no_mailbox", to=to)
            return False
        mail = self._writer.mail(to, subject, text, token="duty", message_id=f"duty.{clock.new_id()}")  # noqa: S106 - the mark of mails whose bounces have no delivery
        answer = await self._submission.send(mail, SECONDS)
        if isinstance(answer, Failed):
            log.warning("duty_mail.failed", to=to, code=answer.code, reason=answer.detail)
            return False
        log.info("duty_mail.accepted", to=to, reply=answer.reply)
        return True
