"""agencies found by their words, and in the order of the alphabet, in a directory of any size

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SEPARATORS = '!"#$%&()*+,-./;:<=>?@[]^_`{|}~“”‘’–—…«»•·'
# a lexeme has 2,046 octets at most
LONGEST_WORD = 200


def upgrade() -> None:
    op.create_index("ix_agency_place", "agency", ["sort_key", "code"])
    if op.get_bind().dialect.name == "postgresql":
        _lexemes()


def _lexemes() -> None:
    apart = f"translate($1, '''{SEPARATORS}', '{' ' * (len(SEPARATORS) + 1)}')"
    parts = f"unnest(string_to_array({apart}, ' ')) AS word WHERE word <> ''"
    lexemes = f"array_to_tsvector(ARRAY(SELECT left(word, {LONGEST_WORD}) FROM {parts}))"  # noqa: S608 - constants only
    op.execute(
        sa.text(
            "CREATE FUNCTION search_lexemes(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE"
            f" AS $body$SELECT {lexemes}$body$".replace(":", "\\:")
        )
    )
    op.create_index("ix_agency_words", "agency", [sa.text("search_lexemes(search)")], postgresql_using="gin")


def downgrade() -> None:
    raise RuntimeError("a ledger is not taken back: restore a backup instead")
