"""Screens: one file for each noun that people look at.

In charge of: turning a request into the values of one template.
Comes in: a request and the desk. Goes out: a page or a redirection.
Every screen asks the desk who is reading before it reads anything else.
Addresses carry the filters, so that a list can be sent to a colleague as a link.
"""

from fastapi import APIRouter

from hub.dashboard.desk import Desk
from hub.dashboard.screens.account import AccountScreens
from hub.dashboard.screens.agencies import AgencyScreens
from hub.dashboard.screens.agency_certificates import AgencyCertificateScreens
from hub.dashboard.screens.agency_changes import AgencyChangeScreens
from hub.dashboard.screens.alerts import AlertScreens
from hub.dashboard.screens.certificates import CertificateScreens
from hub.dashboard.screens.chases import ChaseScreens
from hub.dashboard.screens.check import CheckScreens
from hub.dashboard.screens.credentials import CredentialScreens
from hub.dashboard.screens.dead_letters import DeadLetterScreens
from hub.dashboard.screens.decisions import DecisionScreens
from hub.dashboard.screens.envelopes import EnvelopeScreens
from hub.dashboard.screens.evidence import EvidenceScreens
from hub.dashboard.screens.figures import FigureScreens
from hub.dashboard.screens.identities import IdentityScreens
from hub.dashboard.screens.incident import IncidentScreens
from hub.dashboard.screens.incidents import IncidentListScreens
from hub.dashboard.screens.letter import LetterScreens
from hub.dashboard.screens.letter_files import LetterFileScreens
from hub.dashboard.screens.live import LiveScreens
from hub.dashboard.screens.log import LogScreens
from hub.dashboard.screens.log_proof import LogProofScreens
from hub.dashboard.screens.login import LoginScreens
from hub.dashboard.screens.messages import MessageScreens
from hub.dashboard.screens.new_systems import NewSystemScreens
from hub.dashboard.screens.openid import OpenIdScreens
from hub.dashboard.screens.overdue import OverdueScreens
from hub.dashboard.screens.overview import OverviewScreens
from hub.dashboard.screens.page_pictures import PagePictureScreens
from hub.dashboard.screens.people import PeopleScreens
from hub.dashboard.screens.person import PersonScreens
from hub.dashboard.screens.person_access import PersonAccessScreens
from hub.dashboard.screens.policies import PolicyScreens
from hub.dashboard.screens.preferences import PreferenceScreens
from hub.dashboard.screens.purges import PurgeScreens
from hub.dashboard.screens.questions import QuestionScreens
from hub.dashboard.screens.refusals import RefusalScreens
from hub.dashboard.screens.rehearsals import RehearsalScreens
from hub.dashboard.screens.replays import ReplayScreens
from hub.dashboard.screens.retention import RetentionScreens
from hub.dashboard.screens.rules import RuleScreens
from hub.dashboard.screens.second_factor import SecondFactorScreens
from hub.dashboard.screens.security_sheet import SecuritySheetScreens
from hub.dashboard.screens.systems import SystemScreens
from hub.dashboard.screens.welcome import WelcomeScreens

# in the order of the navigation
SCREENS = (
    OverviewScreens,
    LiveScreens,
    EnvelopeScreens,
    LetterScreens,
    LetterFileScreens,
    PagePictureScreens,
    EvidenceScreens,
    DeadLetterScreens,
    ReplayScreens,
    OverdueScreens,
    ChaseScreens,
    RefusalScreens,
    AlertScreens,
    IncidentListScreens,
    IncidentScreens,
    DecisionScreens,
    CheckScreens,
    # what is new before what has a name: "new" is no agency's code
    AgencyChangeScreens,
    AgencyScreens,
    NewSystemScreens,
    SystemScreens,
    CertificateScreens,
    AgencyCertificateScreens,
    RehearsalScreens,
    CredentialScreens,
    RuleScreens,
    PolicyScreens,
    RetentionScreens,
    PurgeScreens,
    FigureScreens,
    SecuritySheetScreens,
    LogScreens,
    LogProofScreens,
    MessageScreens,
    QuestionScreens,
    PeopleScreens,
    PersonScreens,
    PersonAccessScreens,
    IdentityScreens,
    AccountScreens,
    SecondFactorScreens,
    LoginScreens,
    OpenIdScreens,
    WelcomeScreens,
    PreferenceScreens,
)


def add_screens(router: APIRouter, desk: Desk) -> None:
    for screens in SCREENS:
        screens(desk).add(router)


__all__ = ["add_screens"]
