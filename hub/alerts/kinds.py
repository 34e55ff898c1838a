"""The kinds of alerts: how bad each is, how often it is sent again, and what it says.

``title``, ``touches`` and ``remedy`` are message ids; what stands in ``%(…)s`` comes from the alert's detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hub.language import mark

BAD, WARN = 0, 1
SOON, LATER = timedelta(hours=4), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Kind:
    """``momentary``: it happened, and is over when somebody takes note. ``again``: None where steps are told instead.

    ``place``: the page to look at, with ``%(…)s`` of the detail.
    """

    rank: int
    again: timedelta | None
    title: str
    touches: str
    remedy: str
    place: str = "/alerts"
    momentary: bool = False


EXPIRED = mark("The last certificate of %(name)s (%(agency)s) expired on %(ends_on)s")

KINDS: dict[str, Kind] = {
    "incident": Kind(
        BAD,
        SOON,
        mark("%(name)s (%(agency)s) reports a security incident: %(category)s"),
        mark("Letters of this agency may be forged or read by others until it is known what happened."),
        mark("Call the agency back by a number you know. Suspend its system or its certificate if in doubt."),
        "/incidents/%(incident)s",
    ),
    "malware": Kind(
        BAD,
        SOON,
        mark("Malware in a letter that %(name)s (%(agency)s) sent"),
        mark("A machine of the sender is probably infected. The letter was refused; no recipient has it."),
        mark("Tell the sender's security officer. Suspend its system if more such letters come."),
        "/refusals",
        momentary=True,
    ),
    "secret-document": Kind(
        BAD,
        SOON,
        mark("%(name)s (%(agency)s) sent a document marked as a state secret"),
        mark("A document may have left the ways that are meant for it; whoever handled it may have seen it."),
        mark("Tell the sender's officer for secrets today: the law asks for a report."),
        "/refusals",
        momentary=True,
    ),
    "revoked-signer": Kind(
        BAD,
        SOON,
        mark("A letter of %(name)s (%(agency)s) bears a certificate that was revoked"),
        mark("Recipients may have acted on a letter whose signature does not count."),
        mark("Look at the letter, tell the sender and those who got it."),
        "/envelopes/%(envelope)s",
        momentary=True,
    ),
    "dead-letter": Kind(
        WARN,
        LATER,
        mark("Dead letters for the system %(system)s: %(count)s"),
        mark("The recipients do not have them; the senders were told. The octets are kept."),
        mark("Read the reasons among the dead letters, have them mended, and send the letters again."),
        "/dead-letters?system=%(system_query)s",
    ),
    "backlog": Kind(
        WARN,
        LATER,
        mark("Letters waiting for the system %(system)s: %(count)s, the oldest since %(oldest_at)s"),
        mark("The agencies behind this system do not get their letters. Nothing is lost."),
        mark("Call those who run the system: it does not fetch, or not fast enough."),
        "/systems/%(system_id)s",
    ),
    "disabled": Kind(
        WARN,
        LATER,
        mark("The system %(system)s said that it is gone; nothing is handed over to it"),
        mark("Letters for its agencies wait until an operator enables it again."),
        mark("Ask those who run it for the new address, change it and enable the system."),
        "/systems/%(system_id)s",
    ),
    "certificate": Kind(
        WARN,
        None,
        mark("The last certificate of %(name)s (%(agency)s) expires on %(ends_on)s"),
        mark("What the agency signs after that day is refused."),
        mark("Have the agency apply for the next certificate and register it beside this one before that day."),
        "/agencies/%(agency_path)s/certificates",
    ),
    "log-rewritten": Kind(
        BAD,
        SOON,
        mark("The log %(log)s was rewritten or its proofs do not hold"),
        mark("What the hub proves may be disputed from this entry on."),
        mark("Stop nothing and change nothing. Keep the machine as it is and have it examined; compare the witnesses."),
        "/log/proof",
    ),
    "witness": Kind(
        WARN,
        LATER,
        mark("The witness %(name)s does not cosign"),
        mark("New checkpoints carry fewer signatures from outside. The exchange goes on."),
        mark("Call those who run the witness. The reason of the last attempt stands beside."),
        "/log/proof",
    ),
    "timestamp": Kind(
        WARN,
        LATER,
        mark("The time-stamping authority %(name)s does not answer"),
        mark("New entries are certified later, or by the other authorities only. The exchange goes on."),
        mark("Look whether the address is reachable from here, then call the authority."),
        "/log/proof",
    ),
    "unsealed": Kind(
        BAD,
        SOON,
        mark("The log has not been sealed since %(oldest_at)s"),
        mark("Receipts since then cannot be proved yet. The exchange goes on."),
        mark("Look at the processes with the role sweep, and at the key of the log."),
        "/log/proof",
    ),
    "scanner": Kind(
        BAD,
        SOON,
        mark("The malware scanner does not answer"),
        mark("Submissions with attachments are put off; their senders repeat them. Nothing is lost."),
        mark("Look at clamd: is it running, are its signatures loaded, is its socket reachable?"),
    ),
    "revocation": Kind(
        WARN,
        SOON,
        mark("Whether certificates were revoked cannot be found out; submissions put off: %(count)s"),
        mark("Submissions of the agencies behind these issuers are put off or accepted as pending."),
        mark("Look whether the issuers' OCSP and CRL addresses are reachable; fetch a list by hand if not."),
    ),
    "stale-list": Kind(
        WARN,
        LATER,
        mark("The revocation list of %(issuer)s has been out of date since %(oldest_at)s"),
        mark("Certificates of this issuer can be judged only by asking elsewhere."),
        mark("Fetch the issuer's newest list and add it."),
    ),
    "deferred": Kind(
        WARN,
        SOON,
        mark("Submissions put off: %(count)s (%(problem)s)"),
        mark("Senders repeat them by themselves. Nothing is lost as long as this ends."),
        "%(problem_remedy)s",
    ),
    "broker": Kind(
        BAD,
        SOON,
        mark("The message broker does not answer"),
        mark("Letters are accepted but not passed on until it answers again. Nothing is lost."),
        mark("Look at RabbitMQ and at the network between it and the hub."),
    ),
    "relay": Kind(
        BAD,
        SOON,
        mark("Accepted letters have not been passed on since %(oldest_at)s"),
        mark("All recipients wait. Nothing is lost."),
        mark("Look whether a process with the role relay is running."),
    ),
    "courier": Kind(
        BAD,
        SOON,
        mark("Letters on their way have not been taken over since %(oldest_at)s"),
        mark("All recipients wait. Nothing is lost."),
        mark("Look whether a process with the role deliver is running."),
    ),
    "disk": Kind(
        BAD,
        SOON,
        mark("Only %(percent)s %% of the disk of the payload store is free (%(free)s)"),
        mark("When it is full the hub takes no more submissions."),
        mark("Make the disk larger, or purge what is past its time."),
    ),
    "test": Kind(
        WARN,
        None,
        mark("This is a test: alerts arrive here"),
        mark("Nobody."),
        mark("Nothing."),
        momentary=True,
    ),
}
