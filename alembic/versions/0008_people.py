"""second factors, recovery codes, sessions that can be told apart, links, lock-outs

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by what follows."""
