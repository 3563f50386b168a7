"""Records"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "platforms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "added_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain"),
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column(
            "added_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"],
            ["platforms.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform_id", "handle"),
    )
    op.create_table(
        "sanctions",
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("keywords", sa.JSON(), nullable=False),
        sa.Column("permanent_basis", sa.Text(), nullable=True),
        sa.Column(
            "expires_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "conduct_from",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "conduct_to",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("is_automated_detection", sa.Boolean(), nullable=False),
        sa.Column("automation", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_type", sa.JSON(), nullable=False),
        sa.Column(
            "content_date",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("content_language", sa.Text(), nullable=True),
        sa.Column("territorial_scope", sa.JSON(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column(
            "issued_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "effective_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column("time_precision", sa.Text(), nullable=False),
        sa.Column("validity", sa.Text(), nullable=False),
        sa.Column("policy_conflicts", sa.JSON(), nullable=False),
        sa.Column(
            "approved_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("void_code", sa.Text(), nullable=True),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("reference_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column("is_binding", sa.Boolean(), nullable=False),
        sa.Column(
            "starts_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "ends_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=True
        ),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column(
            "lapses_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "lifted_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "overturned_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "voided_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "superseded_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "source_ended_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "notified_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "redacted_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("reduced_after_end", sa.Boolean(), nullable=False),
        sa.Column("supersedes_id", sa.Text(), nullable=True),
        sa.Column("derived_from_id", sa.Text(), nullable=True),
        sa.Column("secret_generation", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["derived_from_id"],
            ["sanctions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"],
            ["platforms.id"],
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform_id", "reference_key"),
        sa.UniqueConstraint("supersedes_id"),
    )
    with op.batch_alter_table("sanctions", schema=None) as batch_op:
        batch_op.create_index("sanctions_newest", ["issued_at", "id"], unique=False)
        batch_op.create_index(
            "sanctions_of_category", ["category", "issued_at", "id"], unique=False
        )
        batch_op.create_index("sanctions_of_measure", ["measure", "issued_at", "id"], unique=False)
        batch_op.create_index(
            "sanctions_of_platform", ["platform_id", "issued_at", "id"], unique=False
        )

    op.create_table(
        "appeals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column(
            "filed_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "due_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.Column(
            "decided_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("inadmissible_code", sa.Text(), nullable=True),
        sa.Column("outside_outcome", sa.Text(), nullable=True),
        sa.Column(
            "implemented_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column(
            "asked_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=True
        ),
        sa.Column(
            "lapses_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["sanctions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"],
            ["platforms.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("appeals", schema=None) as batch_op:
        batch_op.create_index("appeals_due", ["due_at"], unique=False)
        batch_op.create_index("appeals_newest", ["filed_at", "id"], unique=False)
        batch_op.create_index(
            "appeals_of_sanction", ["sanction_id", "filed_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_appeals_origin_id"), ["origin_id"], unique=False)

    op.create_table(
        "disclosures",
        sa.Column("ground_reference", sa.Text(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("other_measure", sa.Text(), nullable=True),
        sa.Column("issuer_reference", sa.Text(), nullable=True),
        sa.Column("case_reference", sa.Text(), nullable=True),
        sa.Column("content_uri", sa.Text(), nullable=True),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("host_id", sa.Text(), nullable=True),
        sa.Column("policy_reference", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["host_id"],
            ["platforms.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("sanction_id"),
    )
    op.create_table(
        "invitations",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"],
            ["platforms.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("sanction_id", "platform_id"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notes_sanction_id"), ["sanction_id"], unique=False)

    op.create_table(
        "parts",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["members.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("sanction_id", "member_id", "part"),
    )
    op.create_table(
        "subject_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("key", "sanction_id"),
    )
    with op.batch_alter_table("subject_keys", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subject_keys_sanction_id"), ["sanction_id"], unique=False
        )

    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "revoked_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "last_used_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["members.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_member_id"), ["member_id"], unique=False)

    op.create_table(
        "appeal_messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("appeal_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["appeal_id"],
            ["appeals.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("appeal_messages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_appeal_messages_appeal_id"), ["appeal_id"], unique=False
        )

    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "occurred_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "recorded_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("appeal_id", sa.Text(), nullable=True),
        sa.Column("validity", sa.Text(), nullable=False),
        sa.Column(
            "expires_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "starts_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "ends_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=True
        ),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["appeal_id"],
            ["appeals.id"],
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"],
            ["platforms.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("position"),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("events_of_sanction", ["sanction_id", "position"], unique=False)

    op.create_table(
        "secret_uses",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("appeal_id", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["appeal_id"],
            ["appeals.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sanction_id"],
            ["sanctions.id"],
        ),
        sa.PrimaryKeyConstraint("sanction_id"),
    )
    op.create_table(
        "votes",
        sa.Column("appeal_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column(
            "new_expires_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "at", sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["appeal_id"],
            ["appeals.id"],
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["members.id"],
        ),
        sa.PrimaryKeyConstraint("appeal_id", "member_id"),
    )


def downgrade() -> None:

    op.drop_table("votes")
    op.drop_table("secret_uses")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("events_of_sanction")

    op.drop_table("events")
    with op.batch_alter_table("appeal_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appeal_messages_appeal_id"))

    op.drop_table("appeal_messages")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_member_id"))

    op.drop_table("tokens")
    with op.batch_alter_table("subject_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subject_keys_sanction_id"))

    op.drop_table("subject_keys")
    op.drop_table("parts")
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notes_sanction_id"))

    op.drop_table("notes")
    op.drop_table("invitations")
    op.drop_table("disclosures")
    with op.batch_alter_table("appeals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appeals_origin_id"))
        batch_op.drop_index("appeals_of_sanction")
        batch_op.drop_index("appeals_newest")
        batch_op.drop_index("appeals_due")

    op.drop_table("appeals")
    with op.batch_alter_table("sanctions", schema=None) as batch_op:
        batch_op.drop_index("sanctions_of_platform")
        batch_op.drop_index("sanctions_of_measure")
        batch_op.drop_index("sanctions_of_category")
        batch_op.drop_index("sanctions_newest")

    op.drop_table("sanctions")
    op.drop_table("members")
    op.drop_table("platforms")
