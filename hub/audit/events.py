"""The catalogue of events, and an entry of the exchange log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hub import clock
from hub.audit import bounds


class Event(StrEnum):
    """Every kind of entry; the text in ``EVENTS`` says what it proves."""

    ENVELOPE_ACCEPTED = "envelope.accepted"
    ENVELOPE_REPEATED = "envelope.repeated"
    ENVELOPE_REFUSED = "envelope.refused"
    ENVELOPE_DEFERRED = "envelope.deferred"
    OPERATOR_ALERTED = "operator.alerted"
    DELIVERY_PUBLISHED = "delivery.published"
    DELIVERY_REPUBLISHED = "delivery.republished"
    DELIVERY_READY = "delivery.ready"
    DELIVERY_LEASED = "delivery.leased"
    DELIVERY_RELEASED = "delivery.released"
    DELIVERY_EXTENDED = "delivery.extended"
    DELIVERY_SETTLED = "delivery.settled"
    DELIVERY_REFUSED = "delivery.refused"
    DELIVERY_ATTEMPTED = "delivery.attempted"
    DELIVERY_HANDED = "delivery.handed"
    DELIVERY_DEAD = "delivery.dead"
    DELIVERY_BOUNCED = "delivery.bounced"
    DELIVERY_WITHDRAWN = "delivery.withdrawn"
    DELIVERY_CHASED = "delivery.chased"
    DELIVERY_REPLAYED = "delivery.replayed"
    CHASE_ASKED = "chase.asked"
    CHANGE_ASKED = "change.asked"
    CHANGE_ANSWERED = "change.answered"
    REPLAY_ASKED = "replay.asked"
    REPLAY_DECIDED = "replay.decided"
    PROPOSAL_ASKED = "proposal.asked"
    PROPOSAL_DECIDED = "proposal.decided"
    PROPOSAL_ACTED = "proposal.acted"
    CIRCUIT_OPENED = "circuit.opened"
    CIRCUIT_CLOSED = "circuit.closed"
    STATUS_RECEIVED = "status.received"
    STATUS_REFUSED = "status.refused"
    SYSTEM_ADDED = "registry.system_added"
    SYSTEM_CHANGED = "registry.system_changed"
    SYSTEM_DISABLED = "registry.system_disabled"
    SYSTEM_ENABLED = "registry.system_enabled"
    SYSTEM_SUSPENDED = "registry.system_suspended"
    SYSTEM_RESUMED = "registry.system_resumed"
    SYSTEM_TESTED = "registry.system_tested"
    TRIAL_SENT = "registry.trial_sent"
    AGENCY_ADDED = "registry.agency_added"
    AGENCY_CHANGED = "registry.agency_changed"
    AGENCY_MOVED = "registry.agency_moved"
    AGENCY_SUSPENDED = "registry.agency_suspended"
    AGENCY_RESUMED = "registry.agency_resumed"
    CONTACT_ADDED = "registry.contact_added"
    CONTACT_REMOVED = "registry.contact_removed"
    CERTIFICATE_ADDED = "registry.certificate_added"
    CERTIFICATE_WITHDRAWN = "registry.certificate_withdrawn"
    ANCHOR_ADDED = "registry.anchor_added"
    CRL_ADDED = "registry.crl_added"
    REVOCATION_SETTLED = "revocation.settled"
    CERTIFICATE_REHEARSED = "registry.rehearsed"
    CREDENTIAL_ROTATED = "registry.credential_rotated"
    CREDENTIAL_ENDED = "registry.credential_ended"
    PERSON_ADDED = "registry.person_added"
    RULE_SET = "policy.rule_set"
    RULE_REMOVED = "policy.rule_removed"
    PERSON_LOGIN = "person.login"
    PERSON_LOGIN_FAILED = "person.login_failed"
    PERSON_LOCKED = "person.locked"
    PERSON_UNLOCKED = "person.unlocked"
    FACTOR_SET = "person.factor_set"
    FACTOR_REMOVED = "person.factor_removed"
    CODES_RENEWED = "person.codes_renewed"
    PASSWORD_CHANGED = "person.password_changed"  # noqa: S105 - the name of an event
    SESSION_ENDED = "person.session_ended"
    LINK_MADE = "person.link_made"
    PERSON_CHANGED = "registry.person_changed"
    LOG_QUERIED = "log.queried"
    KEY_ADDED = "registry.key_added"
    KEY_ROTATED = "registry.key_rotated"
    KEY_RETIRED = "registry.key_retired"
    HOLD_PLACED = "retention.hold_placed"
    HOLD_LIFTED = "retention.hold_lifted"
    LIFT_ASKED = "retention.lift_asked"
    LIFT_DECLINED = "retention.lift_declined"
    PURGE_ASKED = "retention.purge_asked"
    PURGE_DECIDED = "retention.purge_decided"
    PAYLOAD_PURGED = "retention.payload_purged"
    QUESTION_SAVED = "log.question_saved"
    QUESTION_REMOVED = "log.question_removed"
    LOG_EXPORTED = "log.exported"
    EVIDENCE_TAKEN = "evidence.taken"
    FIGURES_EXPORTED = "figures.exported"
    FIGURES_RECOUNTED = "figures.recounted"
    ALERT_RAISED = "alert.raised"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_ENDED = "alert.ended"
    INCIDENT_REPORTED = "incident.reported"
    INCIDENT_CLOSED = "incident.closed"


EVENTS: dict[Event, str] = {
    Event.ENVELOPE_ACCEPTED: "the hub accepted an envelope and signed for it",
    Event.ENVELOPE_REPEATED: "the same octets came again and got the first acknowledgement",
    Event.ENVELOPE_REFUSED: "the hub refused a submission; the findings say why",
    Event.ENVELOPE_DEFERRED: "the hub could not tell and asked for a repeat",
    Event.OPERATOR_ALERTED: "malware, a state secret or a revoked signer's letter was seen here; the operator was told",
    Event.DELIVERY_PUBLISHED: "the broker confirmed the claim check of a delivery",
    Event.DELIVERY_REPUBLISHED: "the sweep published an unsettled delivery again",
    Event.DELIVERY_READY: "a courier put the delivery into its system's inbox",
    Event.DELIVERY_LEASED: "the recipient's system took the delivery under a lease",
    Event.DELIVERY_RELEASED: "the recipient's system gave the delivery back",
    Event.DELIVERY_EXTENDED: "the recipient's system keeps the delivery longer",
    Event.DELIVERY_SETTLED: "the recipient's system has the document",
    Event.DELIVERY_REFUSED: "the recipient's system refused the document for good",
    Event.DELIVERY_ATTEMPTED: "a hand-over failed for now; the entry says why and when the next one is due",
    Event.DELIVERY_HANDED: "the document was put where its recipient's system takes it from and settles by itself",
    Event.DELIVERY_DEAD: "the hub gave a delivery up; its octets are kept and the sender was told",
    Event.DELIVERY_BOUNCED: "a mail that a server had taken came back; its delivery counted as settled",
    Event.DELIVERY_WITHDRAWN: "a delivery was taken back before its recipient took it",
    Event.DELIVERY_CHASED: "the recipient, its duty contact or the sender was told of a deadline",
    Event.DELIVERY_REPLAYED: "a delivery was sent once more as a delivery of its own, with a reason",
    Event.CHASE_ASKED: "the sender asked to remind a recipient",
    Event.CHANGE_ASKED: "a recall, update or replacement asks the recipient of the earlier document",
    Event.CHANGE_ANSWERED: "the recipient agreed to or declined what was asked",
    Event.REPLAY_ASKED: "a person chose deliveries to send again; another one has to confirm",
    Event.REPLAY_DECIDED: "a second person confirmed or declined a replay",
    Event.PROPOSAL_ASKED: "a person proposed a change that takes two people",
    Event.PROPOSAL_DECIDED: "a proposal was confirmed, declined, upheld or taken back",
    Event.PROPOSAL_ACTED: "a change that takes two people was carried out before a second one looked at it",
    Event.CIRCUIT_OPENED: "a system failed so often that hand-over to it pauses",
    Event.CIRCUIT_CLOSED: "a system takes documents again after a pause",
    Event.STATUS_RECEIVED: "an office reported a business status",
    Event.STATUS_REFUSED: "a status report was refused",
    Event.SYSTEM_ADDED: "a system was registered",
    Event.SYSTEM_CHANGED: "a system's channel or address was changed",
    Event.SYSTEM_DISABLED: "hand-over to a system was stopped for good; its documents wait",
    Event.SYSTEM_ENABLED: "hand-over to a system was allowed again",
    Event.SYSTEM_SUSPENDED: "a system was shut out: it gets no token and no document; what is for it waits",
    Event.SYSTEM_RESUMED: "a suspended system was let in again",
    Event.SYSTEM_TESTED: "a person had the channel of a system tried",
    Event.TRIAL_SENT: "a person had the hub send a test document of its own to a system",
    Event.AGENCY_ADDED: "an agency was registered",
    Event.AGENCY_CHANGED: "an agency got another name or one more code",
    Event.AGENCY_MOVED: "another system serves an agency",
    Event.AGENCY_SUSPENDED: "nothing more is accepted from or for an agency",
    Event.AGENCY_RESUMED: "a suspended agency takes part again",
    Event.CONTACT_ADDED: "a duty contact was registered for an agency",
    Event.CONTACT_REMOVED: "a duty contact was removed from an agency",
    Event.CERTIFICATE_ADDED: "a certificate was registered for an agency",
    Event.CERTIFICATE_WITHDRAWN: "a certificate no longer signs for an agency",
    Event.ANCHOR_ADDED: "a trust anchor was added",
    Event.CRL_ADDED: "a revocation list was added",
    Event.REVOCATION_SETTLED: "an envelope was accepted before it was known whether its signer was revoked; now it is",
    Event.CERTIFICATE_REHEARSED: "a challenge was signed with an agency's next key; the entry says whether it fits",
    Event.CREDENTIAL_ROTATED: "a system got another client secret; the one before counts for a time or not at all",
    Event.CREDENTIAL_ENDED: "a system's client secrets of before count no more",
    Event.PERSON_ADDED: "a person was registered",
    Event.RULE_SET: "a rule was made more or less severe for an agency, or for all, until a day",
    Event.RULE_REMOVED: "a rule went back to the severity of its profile",
    Event.PERSON_LOGIN: "a person logged in",
    Event.PERSON_LOGIN_FAILED: "a login failed",
    Event.PERSON_LOCKED: "so many logins failed in a row that the next one has to wait",
    Event.PERSON_UNLOCKED: "an administrator let a login be tried again at once",
    Event.FACTOR_SET: "a person set a second factor up",
    Event.FACTOR_REMOVED: "a person's second factor was removed",
    Event.CODES_RENEWED: "a person got new recovery codes; the earlier ones count no more",
    Event.PASSWORD_CHANGED: "a person chose another password",
    Event.SESSION_ENDED: "a session was ended before its time",
    Event.LINK_MADE: "a one-time link was made by which a person chooses a password",
    Event.PERSON_CHANGED: "a person's name, roles or agency was changed, or the person was switched off or on",
    Event.LOG_QUERIED: "an auditor queried the exchange log",
    Event.KEY_ADDED: "a public key of the hub was published; it may sign from now on",
    Event.KEY_ROTATED: "another key of the hub signs; processes that run may use the former one until they end",
    Event.KEY_RETIRED: "a key of the hub signs no more; what it signed stays valid",
    Event.HOLD_PLACED: "octets that match must not be purged until the hold is lifted",
    Event.HOLD_LIFTED: "a legal hold was lifted",
    Event.LIFT_ASKED: "a person proposed to lift a legal hold; another one has to agree",
    Event.LIFT_DECLINED: "a legal hold that somebody proposed to lift stands on",
    Event.PURGE_ASKED: "a person chose envelopes whose octets may go; another one has to confirm",
    Event.PURGE_DECIDED: "a second person confirmed or declined a purge",
    Event.PAYLOAD_PURGED: "an envelope's octets were removed; digests, receipts and proofs stay",
    Event.QUESTION_SAVED: "an auditor saved a question",
    Event.QUESTION_REMOVED: "an auditor removed a saved question",
    Event.LOG_EXPORTED: "an auditor took entries out of the log as a file",
    Event.EVIDENCE_TAKEN: "an evidence pack was made and handed out",
    Event.FIGURES_EXPORTED: "monthly figures or a security sheet were taken out as a file",
    Event.FIGURES_RECOUNTED: "the figures of a month were counted anew from the log",
    Event.ALERT_RAISED: "the hub saw a trouble that somebody has to look at",
    Event.ALERT_ACKNOWLEDGED: "a person took note of an alert",
    Event.ALERT_ENDED: "what an alert was about is over",
    Event.INCIDENT_REPORTED: "an agency reported a security incident of its own",
    Event.INCIDENT_CLOSED: "an operator closed an incident",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Empty text where a field does not apply; ``detail`` is JSON without third parties' personal data."""

    kind: Event
    at: datetime
    actor: str = ""
    agency_code: str = ""
    envelope_id: str = ""
    delivery_id: str = ""
    document_id: str = ""
    code: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=clock.new_id)

    def row(self) -> dict[str, Any]:
        """The entry as a row whose time is RFC 3339 text (both stores read it), no longer than ``bounds`` allows."""
        return {
            "id": self.id,
            "at": clock.rfc3339(self.at),
            "kind": self.kind.value,
            "actor": bounds.text(self.actor),
            "agency_code": bounds.text(self.agency_code),
            "envelope_id": bounds.text(self.envelope_id),
            "delivery_id": bounds.text(self.delivery_id),
            "document_id": bounds.text(self.document_id),
            "code": bounds.text(self.code),
            "detail": bounds.detail(self.detail),
        }
