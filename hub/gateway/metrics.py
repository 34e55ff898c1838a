"""Metrics of this process, in Prometheus' text form. Labels are bounded: codes and routes, never identifiers."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from hub import clock
from hub.ledger.log_state import Progress
from hub.ledger.log_troubles import KINDS
from hub.ledger.troubles import Troubles

REGISTRY = CollectorRegistry()
ACCEPTED = Counter("hub_envelopes_accepted", "Envelopes accepted and acknowledged", registry=REGISTRY)
REPEATED = Counter("hub_envelopes_repeated", "Exact repeats answered with the first acknowledgement", registry=REGISTRY)
REFUSALS = Counter("hub_problems", "Problem documents sent, by code", ["code"], registry=REGISTRY)
UPLOADS = Gauge("hub_uploads", "Large bodies that are coming in", registry=REGISTRY)
IN_LINE = Gauge("hub_submissions_in_line", "Submissions that wait to be judged", registry=REGISTRY)
BEING_JUDGED = Gauge("hub_submissions_being_judged", "Submissions between turn and answer", registry=REGISTRY)
OUTBOX = Gauge("hub_outbox_rows", "Deliveries waiting to be published", registry=REGISTRY)
DEAD = Gauge("hub_dead_letters", "Deliveries given up and not sent again", registry=REGISTRY)
BOUNCED = Gauge(
    "hub_bounced_after_settling", "Mailed documents that came back and were not sent again", registry=REGISTRY
)
LEFT_ALONE = Gauge("hub_systems_left_alone", "Systems that failed so often that hand-over pauses", registry=REGISTRY)
DISABLED = Gauge("hub_systems_disabled", "Systems to which hand-over was stopped", registry=REGISTRY)
LOG_SIZE = Gauge("lienthong_log_size", "Leaves sealed into the transparency log", registry=REGISTRY)
LOG_BEHIND = Gauge("lienthong_log_behind_entries", "Entries and receipts not sealed yet", registry=REGISTRY)
LOG_SECONDS = Gauge("lienthong_log_behind_seconds", "Age of the oldest of them", registry=REGISTRY)
LOG_REWRITTEN = Gauge(
    "lienthong_log_rewritten", "1: the log, or one that this hub watches, is not what was signed", registry=REGISTRY
)
LOG_TROUBLES = Gauge(
    "lienthong_log_troubles", "What is wrong with the log or with those who watch it", ["kind"], registry=REGISTRY
)


def render(troubles: Troubles, log: Progress) -> bytes:
    """The text; the backlog is asked of the ledger at every scrape, so that every replica tells the same truth."""
    OUTBOX.set(troubles.outbox)
    DEAD.set(troubles.dead)
    BOUNCED.set(troubles.bounced)
    LEFT_ALONE.set(troubles.left_alone)
    DISABLED.set(troubles.disabled)
    LOG_SIZE.set(log.size)
    LOG_BEHIND.set(log.behind)
    LOG_SECONDS.set(log.seconds_behind(clock.now()))
    LOG_REWRITTEN.set(int(bool(log.rewritten)))
    for kind in KINDS:
        LOG_TROUBLES.labels(kind).set(len([one for one in log.troubles if one.kind == kind]))
    return generate_latest(REGISTRY)
