"""Writing pages: Jinja2 with autoescaping, an error for every unknown name, and our two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub import clock, language
from hub.dashboard import assets, browsers, explanation, failing, moments, registering, retaining, wording
from hub.dashboard.events import kind_name


class Templates:
    """The templates of this room, compiled once."""

    def __init__(self, hub_name: str, *, openid: bool = False) -> None:
        self._environment = Environment(
            loader=PackageLoader("hub.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["ext.i18n.trimmed"] = True
        # the extension adds this method at run time
        self._environment.install_gettext_callables(  # type: ignore[attr-defined]  # see the line above
            language.gettext, language.ngettext, newstyle=True
        )
        self._environment.globals |= {"hub_name": hub_name, "openid": openid}
        self._environment.globals |= {"asset": assets.address, "tag": wording.tag}
        self._environment.filters |= {
            "number": wording.number,
            "size": wording.size,
            "priority": wording.priority,
            "business_type": wording.business_type,
            "role": wording.role,
            "finding": registering.finding,
            "sign_in_words": wording.sign_in,
            "browser_words": browsers.words,
            "kind_name": kind_name,
            "summary": wording.summary,
            "day": moments.day,
            "formal_day": moments.formal_day,
            "exact_tag": moments.exact_tag,
            "day_of_text": moments.day_of_text,
            "exact": moments.exact,
            "clock": moments.clock_tag,
            "minute": moments.minute_tag,
            "check_title": wording.check_title,
            "check_text": wording.check_text,
            "chain_role": explanation.role,
            "inspection": explanation.inspection,
            "revocation": explanation.revocation,
            "scan": explanation.scan,
            "failure": failing.failure,
            "failure_of": failing.failure_of,
            "attempt_outcome": failing.outcome,
            "left_out": failing.left_out,
            "replay_state": failing.replay_state,
            "purge_state": retaining.purge_state,
            "hold_state": retaining.hold_state,
            "scope_words": retaining.scope_words,
            "stays": retaining.stays,
            "file_facts": explanation.file_facts,
            "document_signatures": explanation.document_signatures,
        }

    def write(self, template: str, frame: Any, values: Mapping[str, Any]) -> str:
        """The page as HTML. ``frame`` says who reads it, in which language, where in the site."""
        now = clock.now()
        return self._environment.get_template(template).render(
            values,
            frame=frame,
            now=now,
            when=lambda moment: moments.time_tag(moment, now),
            age=lambda moment: moments.age(now - moment),
        )
