"""The past stays: entries, choices and their places in the chain can be added, never changed or removed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT = ("entry", "audit_link")
NUMBERED = "choice"
"""A choice may get its number once, when it is told to other systems; nothing else of it changes."""

POSTGRESQL = f"""
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = '{NUMBERED}' THEN
    IF to_jsonb(OLD)->'number' = 'null' AND to_jsonb(NEW)->'number' <> 'null' AND to_jsonb(OLD) - 'number' = to_jsonb(NEW) - 'number' THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL)
        for table in (*KEPT, NUMBERED):
            op.execute(f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
            op.execute(f"CREATE TRIGGER {table}_stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        return
    for table in KEPT:
        _refuse(f"{table}_stays_unchanged BEFORE UPDATE ON {table}", table)
    for table in (*KEPT, NUMBERED):
        _refuse(f"{table}_stays BEFORE DELETE ON {table}", table)
    others = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(NUMBERED) if column["name"] != "number"]
    listed = ", ".join(f'"{name}"' for name in others)
    _refuse(f"{NUMBERED}_stays_unchanged BEFORE UPDATE OF {listed} ON {NUMBERED}", NUMBERED)
    again = "OLD.number IS NOT NULL OR NEW.number IS NULL"
    _refuse(f"{NUMBERED}_is_numbered_once BEFORE UPDATE OF number ON {NUMBERED} WHEN {again}", NUMBERED)


def _refuse(trigger: str, table: str) -> None:
    op.execute(f"CREATE TRIGGER {trigger} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
