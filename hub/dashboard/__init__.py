"""Dashboard: the edge for people.

In charge of: pages for operators, auditors and clerks in Vietnamese and English, login and sessions of people.
Comes in: browsers' requests, an uploaded letter to be explained, and the ledger's read models. Goes out: HTML that
works without JavaScript.
People see what their roles allow: operators and auditors everything, a clerk the letters of the own agency.
One page needs no account: an office without a system takes a document by the link of a notice, which settles it.
"""

from hub.dashboard.context import DashboardContext
from hub.dashboard.fetching import fetch_pages
from hub.dashboard.live import Live
from hub.dashboard.problem_pages import problem_pages
from hub.dashboard.registering import Registering
from hub.dashboard.router import error_page, pages

__all__ = ["DashboardContext", "Live", "Registering", "error_page", "fetch_pages", "pages", "problem_pages"]
