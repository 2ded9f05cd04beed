"""The audit trail: what was done is recorded, and a changed past shows."""

# ruff: noqa: S608 - the statements of somebody with a hand in the store

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal import cli
from portal.app import Portal
from portal.contacts import choice
from portal.contacts.choice import Choice
from portal.core import acting, audit, chain, db, keyring, verdict
from portal.core.acting import Actor, Kind, Scene
from portal.core.audit import Entry
from portal.core.chain import Link, TrailBroken, checkpoint
from portal.core.verdict import Broken
from portal.settings import Settings
from tests.people import Person

DIGEST = bytes(range(32))


def _record(*acts: str, subject: UUID | None = None) -> None:
    with acting.acting(Scene(Actor(Kind.OPERATOR, "grace"))), db.transaction():
        for act in acts:
            audit.record(act, subject, number=len(acts))


def _say_no() -> None:
    with db.transaction():
        choice.stop_all(DIGEST, via="test")


@pytest.fixture
def trail(house: Portal) -> Portal:
    """Two checkpoints over at least ten acts, choices among them."""
    _record("one", "two", "three", "four")
    _say_no()
    checkpoint()
    _record("five", "six", "seven", "eight")
    checkpoint()
    return house


def _judged(settings: Settings) -> verdict.Verdict:
    with db.reading():
        return verdict.verify(settings.checkpoints)


# --- recording


def test_an_act_is_recorded_with_who_whose_and_what(house: Portal, ada: Person) -> None:
    with acting.acting(Scene(Actor(Kind.OPERATOR, "grace"), ada.id)), db.transaction():
        audit.record("address_added", ada.id, details={"city": "Austin"}, country="US", topics=["a", "b"], count=2)
    with db.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.act == "address_added")).one()
        assert (entry.actor, entry.subject) == ("operator:grace", ada.id)
        assert entry.facts == {"country": "US", "topics": ["a", "b"], "count": 2}
        assert entry.details == {"city": "Austin"}
        assert entry.box is not None
        assert b"Austin" not in entry.box


def test_what_is_rolled_back_was_never_recorded(house: Portal) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as session:  # noqa: PT012 - the transaction is the point
        audit.record("never_happened", None)
        session.flush()
        _ = 1 / 0
    with db.reading() as session:
        assert session.scalars(select(Entry.id).where(Entry.act == "never_happened")).all() == []


def test_after_an_erasure_the_fact_stays_and_its_details_are_gone(house: Portal, ada: Person, settings: Settings) -> None:
    with db.transaction():
        audit.record("address_added", ada.id, details={"city": "Austin"})
    checkpoint()
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    with db.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.act == "address_added")).one()
        assert entry.details == {}
    assert _judged(settings).broken is None


def test_details_about_nobody_or_somebody_erased_are_not_kept(house: Portal) -> None:
    with db.transaction():
        audit.record("about_nobody", None, details={"city": "Austin"})
        audit.record("about_a_stranger", db.new_key(), details={"city": "Austin"})
    with db.reading() as session:
        assert session.scalars(select(Entry.box).where(Entry.act.in_(["about_nobody", "about_a_stranger"]))).all() == [None, None]


# --- the store refuses


CHANGES = {
    "an entry edited": "UPDATE entry SET act = 'nothing'",
    "an entry removed": "DELETE FROM entry",
    "a link edited": "UPDATE audit_link SET position = position + 1000",
    "a link removed": "DELETE FROM audit_link",
    "a choice turned around": "UPDATE choice SET answer = 'yes'",
    "a choice removed": "DELETE FROM choice",
    "a number taken away": "UPDATE choice SET number = NULL",
    "a number and more": "UPDATE choice SET number = 7, via = 'elsewhere'",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_the_store_refuses_to_change_the_past(trail: Portal, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(text(statement))


def test_the_store_refuses_to_empty_or_replace_the_past(trail: Portal, store: str) -> None:
    if store == "postgresql":
        statements = [f"TRUNCATE {table}" for table in ("entry", "audit_link", "choice")]
    else:
        statements = [f"REPLACE INTO {table} SELECT * FROM {table}" for table in ("entry", "audit_link", "choice")]
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"), db.transaction() as session:
            session.execute(text(statement))


def test_no_column_of_a_choice_can_change_but_its_number_once(trail: Portal) -> None:
    for column in Choice.__table__.columns:
        if column.name != "number":
            with pytest.raises(DBAPIError, match="append-only"), db.transaction() as session:
                session.execute(text(f'UPDATE choice SET "{column.name}" = "{column.name}"'))
    with db.transaction() as session:
        session.execute(text("UPDATE choice SET number = 7"))
    with pytest.raises(DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(text("UPDATE choice SET number = 8"))


# --- chaining and signing


def test_entries_and_choices_are_chained_in_the_order_they_were_made(trail: Portal) -> None:
    with db.reading() as session:
        links = session.scalars(select(Link).order_by(Link.position)).all()
        assert [link.position for link in links] == list(range(1, len(links) + 1))
        assert {link.source for link in links} == {"entry", "choice"}
        made = sorted([*session.scalars(select(Entry.id)), *session.scalars(select(Choice.id))])
        assert sorted(link.entry for link in links) == made


def test_a_head_is_a_signed_note_of_size_and_hash(trail: Portal, settings: Settings) -> None:
    raw = settings.checkpoints.read_text()
    assert re.fullmatch(r"(localhost/audit\n\d+\n[A-Za-z0-9+/]{43}=\n\n— localhost/audit [A-Za-z0-9+/]{91}=\n\n){2}", raw)
    assert settings.checkpoints.stat().st_mode & 0o777 == 0o600
    with db.reading() as session:
        last = session.scalars(select(Link).order_by(Link.position.desc()).limit(1)).one()
    newest = chain.Head(last.position, last.chain)
    assert chain.last_head(settings.checkpoints) == newest == list(chain.read_heads(settings.checkpoints))[-1]


def test_nothing_new_signs_no_new_head(trail: Portal, settings: Settings) -> None:
    before = settings.checkpoints.read_bytes()
    assert checkpoint() == 0
    assert settings.checkpoints.read_bytes() == before


def test_an_entry_that_was_made_early_and_kept_late_is_chained_too(trail: Portal, settings: Settings) -> None:
    with db.transaction() as session:
        session.add(Entry(id=UUID(int=7 << 76 | 2 << 62), at=db.clock.now(), actor="system", act="slow", data="{}"))
    assert checkpoint() == 1
    assert _judged(settings) == verdict.Verdict(None, 0, _judged(settings).size, 0, 3)


def test_more_than_a_batch_is_chained_at_once(house: Portal, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 3)
    monkeypatch.setattr(chain, "SEARCH", 7)
    _record(*(f"act_{n}" for n in range(20)))
    assert checkpoint() >= 20
    assert _judged(settings).broken is None


def test_a_crash_between_chaining_and_signing_leaves_a_head_to_sign_later(
    house: Portal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record("one")
    with monkeypatch.context() as crash:
        crash.setattr(chain, "append", lambda *_args: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            checkpoint()
    assert _judged(settings).heads == 0
    assert checkpoint() == 0
    assert _judged(settings).heads == 1


def test_a_head_that_a_crash_cut_off_hides_no_other(trail: Portal, settings: Settings) -> None:
    whole = settings.checkpoints.read_bytes()
    settings.checkpoints.write_bytes(whole[:-50])
    assert chain.last_head(settings.checkpoints) == next(chain.read_heads(settings.checkpoints))
    checkpoint()
    assert len(list(chain.read_heads(settings.checkpoints))) == 2
    assert _judged(settings).broken is None


def test_the_shop_may_move_to_another_address_and_its_old_heads_still_count(trail: Portal, settings: Settings) -> None:
    trail.extensions["settings"] = settings.model_copy(update={"base_url": "http://127.0.0.1"})
    _record("after the move")
    checkpoint()
    assert _judged(settings).heads == 3
    assert "127.0.0.1/audit" in settings.checkpoints.read_text()


def test_the_worker_makes_a_checkpoint_every_minute_when_there_is_something(
    house: Portal, settings: Settings, later: Callable[..., None]
) -> None:
    _record("one")
    later(minutes=1)
    assert _judged(settings).heads == 1
    later(minutes=5)
    assert _judged(settings).heads == 1


# --- a changed past shows


@contextmanager
def _behind_the_back(house: Portal) -> Any:
    """Somebody with a hand in the store, triggers out of the way."""
    with house.extensions["engine"].begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for trigger in triggers:
            connection.execute(text(f"DROP TRIGGER {trigger.name}"))
        yield connection
        for trigger in triggers:
            connection.exec_driver_sql(trigger.sql)


def _link(position: int) -> Link:
    with db.reading() as session:
        return session.get_one(Link, position)


def _change(house: Portal, *statements: str, **values: Any) -> None:
    with _behind_the_back(house) as connection:
        for statement in statements:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), {name: _bound(house, value) for name, value in names.items()})


def _bound(house: Portal, value: Any) -> Any:
    is_hex = isinstance(value, UUID) and house.extensions["engine"].dialect.name == "sqlite"
    return value.hex if is_hex else value


@pytest.mark.parametrize("column", ["act", "actor", "data"])
def test_an_edited_entry_shows_at_its_place(trail: Portal, settings: Settings, column: str) -> None:
    _change(trail, f"UPDATE entry SET {column} = '\"x\"' WHERE id = :entry", entry=_entry_at(3))
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.EDITED, 3)


def _entry_at(position: int) -> UUID:
    return _link(position).entry


def _places(source: str) -> list[int]:
    with db.reading() as session:
        return list(session.scalars(select(Link.position).where(Link.source == source).order_by(Link.position)))


def test_an_edited_choice_shows(trail: Portal, settings: Settings) -> None:
    place = _places("choice")[0]
    _change(trail, "UPDATE choice SET answer = 'yes' WHERE id = :entry", entry=_entry_at(place))
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.EDITED, place)


def test_edited_details_show_although_nobody_can_read_them(house: Portal, ada: Person, settings: Settings) -> None:
    with db.transaction():
        audit.record("address_added", ada.id, details={"city": "Austin"})
    checkpoint()
    _change(house, "UPDATE entry SET box = NULL WHERE act = 'address_added'")
    assert _judged(settings).broken == Broken.EDITED


def test_a_missing_entry_shows(trail: Portal, settings: Settings) -> None:
    _change(trail, "DELETE FROM entry WHERE id = :entry", entry=_entry_at(4))
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.MISSING, 4)


def test_a_missing_entry_shows_also_when_its_place_is_gone(trail: Portal, settings: Settings) -> None:
    _change(trail, "DELETE FROM audit_link WHERE position = 4", "DELETE FROM entry WHERE id = :entry", entry=_entry_at(4))
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.MISSING, 4)


def test_a_missing_entry_shows_also_when_the_others_moved_up(trail: Portal, settings: Settings) -> None:
    size = _judged(settings).size
    moves = [f"UPDATE audit_link SET position = {place - 1} WHERE position = {place}" for place in range(5, size + 1)]
    _change(trail, "DELETE FROM audit_link WHERE position = 4", *moves)
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.MISSING, 4)


def test_two_entries_that_changed_places_show(trail: Portal, settings: Settings) -> None:
    first, second = _entry_at(2), _entry_at(5)
    entries = "UPDATE audit_link SET entry = :second WHERE position = 2", "UPDATE audit_link SET entry = :first WHERE position = 5"
    free = "UPDATE audit_link SET entry = :nobody WHERE position = 5"
    _change(trail, free, *entries, first=first, second=second, nobody=UUID(int=1))
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.REORDERED, 2)


def test_two_links_that_changed_places_show(trail: Portal, settings: Settings) -> None:
    moves = [f"UPDATE audit_link SET position = {new} WHERE position = {old}" for old, new in ((2, -1), (3, 2), (-1, 3))]
    _change(trail, *moves)
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.REORDERED, 2)


def test_a_tail_that_was_cut_shows_by_the_signed_head(trail: Portal, settings: Settings) -> None:
    size = _judged(settings).size
    gone = f"(SELECT entry FROM audit_link WHERE position > {size - 3})"
    _change(trail, f"DELETE FROM entry WHERE id IN {gone}", f"DELETE FROM audit_link WHERE position > {size - 3}")
    found = _judged(settings)
    assert (found.broken, found.position) == (Broken.TRUNCATED, size - 2)


def test_a_chain_that_was_written_anew_shows_by_the_signed_head(trail: Portal, settings: Settings) -> None:
    _change(trail, "UPDATE entry SET act = 'harmless' WHERE id = :entry", "DELETE FROM audit_link", entry=_entry_at(2))
    chain._chain(chain._waiting())
    found = _judged(settings)
    assert found.broken == Broken.REWRITTEN
    assert found.position == next(chain.read_heads(settings.checkpoints)).size


def test_a_changed_past_is_never_signed(trail: Portal, settings: Settings) -> None:
    before = settings.checkpoints.read_bytes()
    _change(trail, "UPDATE entry SET act = 'harmless' WHERE id = :entry", "DELETE FROM audit_link", entry=_entry_at(2))
    with pytest.raises(TrailBroken):
        checkpoint()
    assert settings.checkpoints.read_bytes() == before


def test_what_came_after_the_last_head_is_counted_and_not_judged(trail: Portal, settings: Settings) -> None:
    _record("nine", "ten")
    found = _judged(settings)
    assert (found.broken, found.unchained, found.heads) == (None, 2, 2)


# --- as an operator asks


@pytest.fixture
def operator(trail: Portal, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    cli.gather()
    monkeypatch.setattr(cli, "opened", lambda: trail)
    return lambda *words: CliRunner().invoke(cli.cli, ["audit", "verify", *words])


def test_verify_exits_with_0_for_an_intact_trail(operator: Callable[..., Result]) -> None:
    said = operator()
    assert said.exit_code == 0
    assert re.match(r"Intact: \d+ entries agree with 2 signed heads; 0 are newer and not judged yet\.", said.output)


def test_verify_exits_with_1_and_names_the_place_of_a_broken_one(operator: Callable[..., Result], trail: Portal) -> None:
    _change(trail, "UPDATE entry SET act = 'x' WHERE id = :entry", entry=_entry_at(3))
    said = operator()
    assert (said.exit_code, said.output) == (1, "Broken at position 3: edited.\n")


def test_verify_against_a_file_kept_elsewhere(operator: Callable[..., Result], settings: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "heads"
    elsewhere.write_bytes(settings.checkpoints.read_bytes())
    settings.checkpoints.unlink()
    assert operator().exit_code == 2
    assert operator("--checkpoint", str(elsewhere)).exit_code == 0


def test_verify_exits_with_2_when_the_heads_themselves_were_altered(operator: Callable[..., Result], settings: Settings) -> None:
    raw = settings.checkpoints.read_text()
    size = int(raw.splitlines()[1])
    settings.checkpoints.write_text(raw.replace(f"\n{size}\n", f"\n{size + 1}\n", 1))
    said = operator()
    assert said.exit_code == 2
    assert "altered" in said.output
