"""Dashboard: the edge for people.

In charge of: pages for operators, auditors and clerks in Vietnamese and English, login and sessions of people.
Comes in: browsers' requests, an uploaded letter to be explained, and the ledger's read models. Goes out: HTML that
works without JavaScript.
People see what their roles allow: operators and auditors everything, a clerk the letters of the own agency.
Pages never change an exchange; what they record are logins and views of the exchange log.
"""

from hub.dashboard.context import DashboardContext
from hub.dashboard.problem_pages import problem_pages
from hub.dashboard.router import error_page, pages

__all__ = ["DashboardContext", "error_page", "pages", "problem_pages"]
