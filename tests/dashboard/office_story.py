"""What an office has besides letters: certificates near their end, an incident, alerts, changes that wait for two."""

from __future__ import annotations

from datetime import timedelta

from adapters.sandbox.pki import Pki
from hub import clock
from hub.alerts import incidents
from hub.alerts.incidents import Report
from hub.alerts.keeping import Keeper
from hub.alerts.watches import COVERED, Look, wanted
from hub.ledger import Ledger, Transaction, alarm_readings, people, registration
from hub.ledger.holds import Scope
from hub.proposals import Proposals
from hub.retention import holds

YEARS = timedelta(days=3 * 365)
# whose certificate ends in how many days
ENDS = {"H33.07": 5, "H33.12": 25, "H33.21": 700, "G09": 900}


def office(ledger: Ledger) -> None:
    """Tell it after the letters: alerts are of what stands then."""
    pki, now = Pki.create(), clock.now()
    issued = {
        code: pki.issue(code, f"Cơ quan {code}", moment=now + timedelta(days=left) - YEARS)
        for code, left in ENDS.items()
    }

    def tell(transaction: Transaction) -> None:
        registration.add_anchor(transaction, pki.root.certificate)
        for code, identity in issued.items():
            registration.add_certificate(transaction, code, identity.certificate)
        for login in ("quan", "tri"):
            people.add_person(transaction, login, f"Quản trị {login}", ("administrator",), "-", None, now)
        told = Report("H33.12", "malware", "Máy văn thư có mã độc, đã ngắt mạng lúc 9 giờ.", "an ninh 0123 456 789")
        incidents.report(transaction, told, "person:vanthu")
        Proposals().ask(transaction, "system.suspend", {"system": "system-sotaichinh"}, "theo sự cố", "quan")
        holds.lift(
            transaction, holds.place(transaction, Scope(sender="H33"), "Thanh tra", "quan")[0], "quan", "đã xong"
        )
        state = alarm_readings.read(transaction, now, now + timedelta(days=60))
        Keeper().keep(transaction, wanted(Look(now, state)), COVERED, now)

    ledger.write_now(tell)
