"""Runs migrations in one transaction each, on either store."""

from alembic import context

from portal import settings
from portal.app import modules
from portal.core import db

list(modules())
engine = context.config.attributes.get("engine") or db.make_engine(settings.load().database_owner_url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=db.Base.metadata, transaction_per_migration=True, render_as_batch=False)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
