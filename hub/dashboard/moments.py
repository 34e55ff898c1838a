"""Times as people say them, in Vietnam's time, with the exact time beside."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from markupsafe import Markup

from hub import clock
from hub.language import gettext as _
from hub.language import ngettext


def local(moment: datetime) -> datetime:
    return moment.astimezone(clock.VIETNAM)


def exact(moment: datetime) -> str:
    """``21/11/2026 14:05:33``, Vietnam's time."""
    return local(moment).strftime("%d/%m/%Y %H:%M:%S")


def day(value: date) -> str:
    return value.strftime("%d/%m/%Y")


def formal_day(value: date) -> str:
    """The day as official letters have it, in Vietnamese (NĐ 30/2020, annex I)."""
    return f"ngày {value:%d} tháng {value:%m} năm {value.year}"


def day_of_text(text: str) -> str:
    """The day of an RFC 3339 time as people read it; the text itself when it is none."""
    try:
        return f"{local(clock.parse_rfc3339(text)):%d/%m/%Y}"
    except ValueError:
        return text


def exact_of_text(text: str) -> str:
    """The exact time of an RFC 3339 text as people read it; the text itself when it is none."""
    try:
        return exact(clock.parse_rfc3339(text))
    except ValueError:
        return text


def spoken(moment: datetime, now: datetime) -> str:
    """``14:05 today``, ``14:05 yesterday``, ``3 days ago`` within a week, else the day."""
    here, today = local(moment), local(now).date()
    days = (today - here.date()).days
    time = f"{here:%H:%M}"
    if days == 0:
        return _("%(time)s today") % {"time": time}
    if days == 1:
        return _("%(time)s yesterday") % {"time": time}
    if 1 < days < 7:
        return ngettext("%(num)d day ago", "%(num)d days ago", days) % {"num": days}
    return f"{here:%d/%m/%Y}"


def heading(moment: datetime, now: datetime) -> str:
    """The day as a heading in a timeline."""
    here, today = local(moment).date(), local(now).date()
    if here == today:
        return _("Today, %(day)s") % {"day": day(here)}
    if here == today - timedelta(days=1):
        return _("Yesterday, %(day)s") % {"day": day(here)}
    return day(here)


def age(span: timedelta) -> str:
    """``40 minutes``, ``2 hours``, ``3 days``: the greatest unit only."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return ngettext("%(num)d second", "%(num)d seconds", seconds) % {"num": seconds}
    if seconds < 3600:
        return ngettext("%(num)d minute", "%(num)d minutes", seconds // 60) % {"num": seconds // 60}
    if seconds < 48 * 3600:
        return ngettext("%(num)d hour", "%(num)d hours", seconds // 3600) % {"num": seconds // 3600}
    return ngettext("%(num)d day", "%(num)d days", seconds // 86400) % {"num": seconds // 86400}


def time_tag(moment: datetime | None, now: datetime) -> Markup:
    """``<time>`` with the spoken time, the exact one in ``title`` and the machine's in ``datetime``."""
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), exact(moment), spoken(moment, now)
    )


def exact_tag(moment: datetime) -> Markup:
    """``<time>`` with day and seconds, for the log."""
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(timespec="milliseconds"), exact(moment))


def minute_tag(moment: datetime) -> Markup:
    """``<time>`` with the minute and the day, for deadlines: ``17:00 20/11/2026``."""
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), local(moment).strftime("%H:%M %d/%m/%Y")
    )


def clock_tag(moment: datetime) -> Markup:
    """``<time>`` with hours, minutes and seconds, for a timeline that names its days."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="milliseconds"), exact(moment), local(moment).strftime("%H:%M:%S")
    )
