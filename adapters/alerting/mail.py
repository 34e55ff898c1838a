"""Alerts by mail: all that is due for one mailbox in one mail, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.mail import Submission
from adapters.mail.composing import Writer
from hub.alerts import wording
from hub.alerts.notices import SEND_SECONDS, Told
from hub.delivery.carrier import Failed
from hub.language import LANGUAGES, Language, gettext, mark, mark_plural, ngettext
from hub.registry.mailbox import is_address

LISTED = 50
_RULE = "-" * 40
_SINCE = mark("Since: %(since)s")
_FOUND = mark("Found: %(reason)s")
_TOUCHES = mark("Whom it touches: %(text)s")
_REMEDY = mark("What to do: %(text)s")
_LOOK = mark("Acknowledge it here, so that it is not sent again: %(address)s")
_MORE = mark_plural("and %(num)d more alert: %(address)s", "and %(num)d more alerts: %(address)s")


class MailWay:
    """``hub.alerts.notices.Way`` over SMTP. ``base_url`` without a trailing slash."""

    most = 500

    def __init__(self, submission: Submission, hub: str, base_url: str) -> None:
        self._submission = submission
        self._hub = hub
        self._base_url = base_url
        self._writer = Writer(hub, submission.server)

    async def tell(self, address: str, told: Sequence[Told]) -> str:
        if not is_address(address):
            return f"{address!r} is no mailbox"
        ordered = sorted(told, key=lambda one: (one.notice.reason == "ended", one.alert.rank, one.notice.id))
        mail = self._writer.mail(
            address,
            self._subject(ordered),
            self._text(ordered),
            token="alert",  # noqa: S106 - the mark of mails whose bounces have no delivery
            message_id=f"alert.{ordered[0].notice.id}",
        )
        answer = await self._submission.send(mail, SEND_SECONDS)
        return f"{answer.code}: {answer.detail}" if isinstance(answer, Failed) else ""

    async def close(self) -> None:
        self._submission.close()

    def _subject(self, told: Sequence[Told]) -> str:
        language = LANGUAGES[0]
        first = told[0]
        title = wording.spoken(first.alert, language).title
        state = wording.reason(first.notice.reason, language)
        more = f" (+{len(told) - 1})" if len(told) > 1 else ""
        return f"[{self._hub}] {state}: {title}{more}"

    def _text(self, told: Sequence[Told]) -> str:
        blocks = ["\n\n".join(self._lines(told, language)) for language in LANGUAGES]
        return f"\n\n{_RULE}\n\n".join(blocks) + "\n"

    def _lines(self, told: Sequence[Told], language: Language) -> list[str]:
        lines = [self._alert(one, language) for one in told[:LISTED]]
        if rest := len(told) - LISTED:
            address = {"num": rest, "address": f"{self._base_url}/alerts"}
            lines += [ngettext(*_MORE, rest, language) % address] if rest > 0 else []
        return lines

    def _alert(self, one: Told, language: Language) -> str:
        said = wording.spoken(one.alert, language)
        lines = [
            f"{wording.reason(one.notice.reason, language)}: {said.title}",
            gettext(_SINCE, language) % {"since": wording.moment(one.alert.since)},
        ]
        if said.reason:
            lines.append(gettext(_FOUND, language) % {"reason": said.reason})
        if one.notice.reason != "ended":
            lines.append(gettext(_TOUCHES, language) % {"text": said.touches})
            lines.append(gettext(_REMEDY, language) % {"text": said.remedy})
            place = f"{self._base_url}/alerts#{one.alert.id}"
            lines.append(gettext(_LOOK, language) % {"address": place})
        return "\n".join(lines)
