"""``lienthong figures``: the monthly figures on the hub's own machine, and counting them anew from the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from hub import clock
from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

Month = Annotated[str, typer.Argument(metavar="MONTH", help=_("A month of Vietnam's calendar: 2026-11."))]


def figures_show(
    month: Month,
    agency: Annotated[
        str, typer.Option("--agency", metavar="CODE", help=_("This agency and all below it; else the whole hub."))
    ] = "",
    own: Annotated[bool, typer.Option("--own", help=_("This agency alone."))] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """The sums of one month."""
    from hub.figures.recounting import span_of
    from hub.figures.spans import percentile
    from hub.figures.tally import month_of
    from hub.ledger import figures
    from hub.ledger.figure_tables import MEASURES, SPANS

    span_of(month)
    scope = "own" if own else "branch"
    with opened(data) as ledger:
        sums = ledger.read_now(figures.sums, [agency], scope, [month]).get((agency, month), {})
        ends = ledger.read_now(figures.overdue_at_end, [agency], scope, month)
        late = ledger.read_now(figures.overdue_now, [agency], scope)
        times = ledger.read_now(figures.histograms, [agency], scope, month)
        standing = ledger.read_now(figures.standing)
    counted = None if standing.counted_to is None else clock.rfc3339(standing.counted_to)
    numbers = {name: sums.get(name, 0) for name in MEASURES if name != "overdue"}
    if month == month_of(clock.now()):
        numbers["overdue_now"] = late.get(agency, 0)
    else:
        numbers["overdue_at_end"] = ends.get(agency, 0)
    spans = {span: times.get((agency, span), {}) for span in SPANS}
    seconds = {span: {"median": percentile(of, 0.5), "p90": percentile(of, 0.9)} for span, of in spans.items()}
    shown = {"month": month, "agency": agency or None, "counted_to": counted, "figures": numbers, "seconds": seconds}
    rows = list(numbers.items())
    rows += [(f"{span} {which}", round(value)) for span, of in seconds.items() for which, value in of.items() if value]
    output.show(shown, output.table((_("Figure"), month), rows))


def figures_rebuild(
    month: Annotated[str, typer.Argument(metavar="[MONTH]", help=_("Which month; all of them with --all."))] = "",
    everything: Annotated[bool, typer.Option("--all", help=_("Forget all figures and count the whole log."))] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Count anew."""
    from hub.figures import counting, recounting
    from hub.problems import Refused

    if bool(month) == everything:
        raise Refused("request-invalid", _("a month, or --all"), "month")
    with opened(data) as ledger:
        if everything:
            entries = recounting.count_anew(ledger)
            output.show({"entries": entries}, [_("Entries counted") + f": {entries}"])
            return
        counting.count_all(ledger)
        found = recounting.recount(ledger, month)
    shown = {"month": found.month, "letters": found.letters, "corrected": found.differing}
    agrees = _("The figures agreed with the log.")
    lines = [agrees] if not found.differing else [_("Sums that were put right") + f": {found.differing}"]
    output.show(shown, [*lines, _("Letters followed") + f": {found.letters}"])


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    commands: dict[str, tuple[Callable[..., None], str]] = {
        "show": (figures_show, _("Show what was sent, received and finished in a month.")),
        "rebuild": (figures_rebuild, _("Count a month anew from the exchange log, and put right what differs.")),
    }
    for verb, (command, text) in commands.items():
        group.command(verb, help=text)(command)
    app.add_typer(group, name="figures", help=_("Monthly figures."))
