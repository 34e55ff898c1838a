"""Long texts of the document decoded while they are digested, so that what is looked at is what was signed.

They are given away only when the signature holds; until then nobody but this room knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.envelope.encoded import Base64
from hub.envelope.long_texts import LongText
from hub.spool import Spool
from hub.validation.examination import Content, Policy

# decoded octets of one envelope that may stay in memory; what comes after goes to files
IN_MEMORY = 2 * 1024 * 1024


class Decoding:
    """``take`` what belongs to one token after the other; ``finish`` gives the content of each.

    More attachments than an envelope may have are left alone: it is refused for their number.
    """

    def __init__(self, texts: Sequence[LongText], policy: Policy) -> None:
        self._wanted = {text.token for text in texts} if len(texts) <= policy.attachments else set()
        self._scratch = policy.scratch
        self._found: dict[str, _Text] = {}
        self._memory = IN_MEMORY

    def take(self, token: str, characters: bytes) -> None:
        if token not in self._wanted:
            return
        if token not in self._found:
            self._found[token] = _Text(Spool(self._scratch, self._memory))
        self._memory -= self._found[token].take(characters)

    def finish(self) -> dict[str, Content]:
        return {token: text.finish() for token, text in self._found.items()}


class _Text:
    def __init__(self, spool: Spool) -> None:
        self._base64 = Base64()
        self._content = Content(spool)

    def take(self, characters: bytes) -> int:
        """How many octets more, or less, stay in memory now."""
        before = self._held()
        if not self._content.wrong:
            self._write(self._base64.decode, characters)
        return self._held() - before

    def finish(self) -> Content:
        if not self._content.wrong:
            self._write(self._base64.close)
        return self._content

    def _held(self) -> int:
        return self._content.spool.size if self._content.spool.in_memory else 0

    def _write(self, decode: Callable[..., bytes], *characters: bytes) -> None:
        try:
            self._content.spool.write(decode(*characters))
        except ValueError as error:
            self._content.wrong = str(error) or "no base64"
