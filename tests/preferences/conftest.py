"""Ada, who said yes to every list, and the links in the mail she gets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event, select

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.contacts.topics import TOPICS, Channel
from portal.core import acting, db
from portal.core.acting import Actor, Kind, Scene
from portal.letters import letter
from tests.people import Person

FIRST_YES = "registration"


class Reader:
    """A customer who said yes to every list by e-mail."""

    def __init__(self, house: Portal, person: Person) -> None:
        self.house, self.person = house, person
        with self.acting():
            own = self.contact()
            self.digest, self.uid = own.digest, own.uid
            self.links = {topic: urlsplit(own.unsubscribe_url(topic)).path for topic in (*(topic.slug for topic in TOPICS), None)}
            for topic in TOPICS:
                choice.say_yes(own.digest, topic.slug, Channel.EMAIL, via=FIRST_YES)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """A transaction of her own, signed in."""
        with self.house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(self.person.id)), self.person.id)), db.transaction():
            yield

    def contact(self) -> Contact:
        own = contact.email_of(self.person.id)
        assert own is not None
        return own

    def link(self, topic: str | None = "newsletter") -> str:
        """The path of the link that stops one topic, or everything."""
        return self.links[topic]

    def wants(self, topic: str = "newsletter", channel: Channel = Channel.EMAIL) -> bool:
        with self.house.app_context(), db.reading():
            return choice.standing(self.digest).wants(topic, channel)

    def said(self) -> list[tuple[str, str, str]]:
        """All that was said after the first yeses: topic, answer, way."""
        with self.house.app_context(), db.reading():
            return [(one.topic, str(one.answer), one.via) for one in reversed(choice.history([self.digest])) if one.via != FIRST_YES]

    def says(self, topic: str, *, yes: bool, channel: Channel = Channel.EMAIL) -> None:
        """She decides herself, signed in."""
        with self.acting():
            (choice.say_yes if yes else choice.say_no)(self.digest, topic, channel, via="notifications")

    def is_sent(self, topic: str | None = "newsletter", template: str = "newsletter") -> None:
        """A run of the shop writes to her."""
        with self.acting():
            letter.post(template, self.contact(), {}, topic=topic)


@pytest.fixture
def reader(house: Portal, ada: Person) -> Reader:
    return Reader(house, ada)


@pytest.fixture
def rows(house: Portal) -> Callable[[], dict[str, str]]:
    """A hash over all rows of each table."""

    def read() -> dict[str, str]:
        with house.app_context(), db.reading() as session:
            tables = db.Base.metadata.sorted_tables
            held = {table.name: sorted(repr(tuple(row)) for row in session.execute(select(table))) for table in tables}
        return {name: hashlib.sha256(repr(found).encode()).hexdigest() for name, found in held.items()}

    return read


@contextmanager
def counted(house: Portal) -> Iterator[dict[str, list[str]]]:
    """The statements and commits of what happens inside."""
    engine = house.extensions["engine"]
    seen: dict[str, list[str]] = {"statements": [], "commits": []}

    def note(_connection: object, _cursor: object, statement: str, _parameters: Sequence[object], _context: object, _many: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            seen["statements"].append(statement)

    def note_commit(_connection: object) -> None:
        seen["commits"].append("commit")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", note_commit)
    yield seen
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "commit", note_commit)
