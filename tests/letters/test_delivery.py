"""Letters on their way: each leaves once, none leaves against a wish, and nothing personal is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select, text

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.contact import BounceState
from portal.contacts.topics import Channel
from portal.core import clock, db, jobs, keyring
from portal.core.jobs import Priority
from portal.core.keyring import Dek
from portal.letters import delivery, letter
from portal.letters.letter import Letter, State
from portal.letters.message import Envelope
from portal.letters.transport import Bounced, Failed, SmtpRelay, TryLater
from tests.letters import mail_server
from tests.letters.mail_server import DROP, Script
from tests.people import Person

WORDS = {"url": "http://localhost/me"}


@dataclass
class Postman:
    """Takes letters, or says why not: the answers that are left are raised first."""

    answers: list[Exception] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)

    def send(self, envelope: Envelope) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append(envelope)

    @property
    def ids(self) -> list[str]:
        return [str(message_from_bytes(envelope.message)["Message-ID"]) for envelope in self.taken]


@pytest.fixture
def postman(house: Portal) -> Postman:
    house.extensions["transport"] = Postman()
    return house.extensions["transport"]  # type: ignore[no-any-return]


def _post(person: Person, template: str = "welcome", **how: Any) -> UUID:
    with db.transaction():
        to = contact.email_of(person.id)
        assert to is not None
        return letter.post(template, to, WORDS, **how).id


def _letter(key: UUID) -> Letter:
    with db.reading() as session:
        return session.get_one(Letter, key)


def _say_yes(person: Person, topic: str = "newsletter") -> None:
    with db.transaction():
        to = contact.email_of(person.id)
        assert to is not None
        choice.say_yes(to.digest, topic, Channel.EMAIL, via="test")


# --- leaving


def test_a_letter_leaves_once_and_then_holds_no_word_of_what_it_said(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada)
    assert b"localhost" not in (_letter(key).box or b"")
    assert delivery.deliver_due() == 1
    assert delivery.deliver_due() == 0
    found = _letter(key)
    assert [envelope.recipient for envelope in postman.taken] == ["ada@example.com"]
    assert (found.state, found.box, found.reply) == (State.SENT, None, "")
    assert found.sent_at is not None
    assert postman.ids == [found.message_id]


def test_a_letter_of_a_rolled_back_act_is_never_sent(house: Portal, ada: Person, postman: Postman) -> None:
    with db.transaction() as session:
        to = contact.email_of(ada.id)
        assert to is not None
        letter.post("welcome", to, WORDS)
        session.flush()
        session.rollback()
    assert delivery.deliver_due() == 0


def test_an_urgent_letter_overtakes_those_that_wait(house: Portal, ada: Person, bob: Person, postman: Postman) -> None:
    for _turn in range(12):
        _post(ada)
    _post(bob, priority=Priority.URGENT)
    delivery.deliver_due()
    assert postman.taken[0].recipient == "bob@example.org"


def test_the_address_is_read_when_the_letter_leaves(house: Portal, ada: Person, postman: Postman) -> None:
    _post(ada)
    with db.transaction():
        to = contact.email_of(ada.id)
        assert to is not None
        to.address = "ada@new.example"
    delivery.deliver_due()
    assert [envelope.recipient for envelope in postman.taken] == ["ada@new.example"]


def test_a_letter_whose_time_is_over_stays_at_home(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada, expires_at=clock.now() - timedelta(seconds=1))
    delivery.deliver_due()
    assert (postman.taken, _letter(key).state, _letter(key).box) == ([], State.CANCELLED, None)


# --- wishes


def test_a_no_between_writing_and_sending_stops_the_letter(house: Portal, ada: Person, postman: Postman) -> None:
    _say_yes(ada)
    key = _post(ada, topic="newsletter")
    with db.transaction():
        to = contact.email_of(ada.id)
        assert to is not None
        choice.stop_all(to.digest, via="test")
    delivery.deliver_due()
    assert (postman.taken, _letter(key).state, _letter(key).box) == ([], State.SKIPPED, None)


def test_without_a_yes_no_newsletter_leaves_but_a_letter_about_the_account_does(house: Portal, ada: Person, postman: Postman) -> None:
    marketing, service = _post(ada, topic="newsletter"), _post(ada)
    delivery.deliver_due()
    assert (_letter(marketing).state, _letter(service).state) == (State.SKIPPED, State.SENT)


def test_a_newsletter_carries_its_way_out_in_the_headers(house: Portal, ada: Person, postman: Postman) -> None:
    _say_yes(ada)
    with db.transaction():
        to = contact.email_of(ada.id)
        assert to is not None
        letter.post("newsletter", to, {}, topic="newsletter")
    delivery.deliver_due()
    sent = message_from_bytes(postman.taken[0].message)
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["List-Unsubscribe"].startswith("<http://localhost/u/")
    assert sent["List-Id"] == "<newsletter.mail.example>"


def test_to_a_dead_mailbox_not_even_a_letter_about_the_account_leaves(house: Portal, ada: Person, postman: Postman) -> None:
    with db.transaction():
        to = contact.email_of(ada.id)
        assert to is not None
        to.bounce_state = BounceState.UNDELIVERABLE
    key = _post(ada)
    delivery.deliver_due()
    assert (postman.taken, _letter(key).state) == ([], State.SKIPPED)


def test_to_somebody_erased_nothing_leaves(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada)
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    delivery.deliver_due()
    assert (postman.taken, _letter(key).state) == ([], State.CANCELLED)


def test_unsent_letters_of_a_person_can_be_stopped_together(house: Portal, ada: Person, bob: Person, postman: Postman) -> None:
    mine, theirs = _post(ada), _post(bob)
    with db.transaction():
        letter.cancel_unsent(ada.id)
    delivery.deliver_due()
    assert (_letter(mine).state, _letter(mine).box, _letter(theirs).state) == (State.CANCELLED, None, State.SENT)


# --- strangers


def test_the_key_of_a_letter_to_a_stranger_dies_with_the_letter(house: Portal, postman: Postman) -> None:
    with db.transaction():
        key = letter.post_to_stranger("welcome", "who@example.net", WORDS).id
    owner = _letter(key).person_id
    assert _keys_of(owner) == [keyring.TRANSIENT]
    delivery.deliver_due()
    assert [envelope.recipient for envelope in postman.taken] == ["who@example.net"]
    assert (_letter(key).state, _keys_of(owner)) == (State.SENT, [])


def _keys_of(owner: UUID) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Dek.kind).where(Dek.owner == owner)))


@pytest.mark.parametrize("answer", [Bounced("550"), Failed("554")], ids=["bounced", "failed"])
def test_the_key_of_a_letter_that_cannot_arrive_dies_too(house: Portal, postman: Postman, answer: Exception) -> None:
    with db.transaction():
        key = letter.post_to_stranger("welcome", "who@example.net", WORDS).id
    postman.answers.append(answer)
    delivery.deliver_due()
    assert _keys_of(_letter(key).person_id) == []


def test_a_letter_without_an_address_is_dropped(house: Portal, postman: Postman) -> None:
    with db.transaction():
        key = letter.post_to_stranger("welcome", "", WORDS).id
    delivery.deliver_due()
    assert (postman.taken, _letter(key).state, _keys_of(_letter(key).person_id)) == ([], State.CANCELLED, [])


# --- what mail servers say


def test_a_mailbox_that_is_not_there_is_remembered(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada)
    postman.answers.append(Bounced("550 5.1.1"))
    delivery.deliver_due()
    assert (_letter(key).state, _letter(key).reply, _letter(key).box) == (State.BOUNCED, "550 5.1.1", None)
    with db.reading():
        to = contact.email_of(ada.id)
        assert to is not None
        assert to.bounce_state == BounceState.UNDELIVERABLE


def test_a_letter_that_the_server_refuses_for_our_fault_is_failed_and_the_mailbox_is_not_blamed(
    house: Portal, ada: Person, postman: Postman
) -> None:
    key = _post(ada)
    postman.answers.append(Failed("554 5.7.1"))
    delivery.deliver_due()
    assert (_letter(key).state, _letter(key).reply) == (State.FAILED, "554 5.7.1")
    with db.reading():
        to = contact.email_of(ada.id)
        assert to is not None
        assert to.bounce_state == BounceState.NONE


def test_a_letter_for_later_waits_and_keeps_its_name(house: Portal, ada: Person, postman: Postman, later: Callable[..., None]) -> None:
    key = _post(ada)
    name = _letter(key).message_id
    postman.answers.append(TryLater("451 4.7.1"))
    delivery.deliver_due()
    found = _letter(key)
    assert (found.state, found.attempts) == (State.WAITING, 1)
    assert found.box is not None
    later(minutes=2)
    assert postman.ids == [name]
    assert _letter(key).state == State.SENT


def test_a_letter_that_could_never_leave_is_failed_after_twelve_attempts(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada)
    postman.answers.extend(TryLater("451") for _attempt in range(12))
    now = clock.now()
    for _attempt in range(12):
        with time_machine.travel(now, tick=False):
            assert delivery.deliver_due() == 1
        now = _letter(key).due_at + timedelta(seconds=1)
    found = _letter(key)
    assert (found.state, found.attempts, found.reply, found.box) == (State.FAILED, 12, "451", None)


def test_a_letter_that_cannot_be_written_holds_up_no_other(house: Portal, ada: Person, postman: Postman) -> None:
    bad, good = _post(ada, template="never_written"), _post(ada)
    assert delivery.deliver_due() == 2
    assert (_letter(bad).state, _letter(bad).attempts, _letter(good).state) == (State.WAITING, 1, State.SENT)


def test_an_address_that_no_mail_can_have_fails_its_letter_and_stays_unnamed(
    house: Portal, postman: Postman, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.transaction():
        key = letter.post_to_stranger("welcome", "ada at home", WORDS).id
    delivery.deliver_due()
    assert _letter(key).state == State.FAILED
    assert "ada at home" not in _letter(key).reply + capsys.readouterr().out


def test_a_worker_that_was_frozen_before_the_end_notes_nothing(house: Portal, ada: Person, postman: Postman) -> None:
    key = _post(ada)
    [(row, old_fence)] = jobs.claim(Letter, State.WAITING)
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        [(again, fence)] = jobs.claim(Letter, State.WAITING)
        assert (again, fence) == (row, old_fence + 1)
        delivery._deliver(postman, row, old_fence)
        assert (postman.taken, _letter(key).state) == ([], State.WAITING)
        delivery._deliver(postman, row, fence)
    assert (len(postman.taken), _letter(key).state) == (1, State.SENT)


def test_a_letter_resent_after_a_crash_has_the_name_it_had(house: Portal, ada: Person, postman: Postman) -> None:
    _post(ada)
    [(row, fence)] = jobs.claim(Letter, State.WAITING)
    envelope = delivery._prepare(row, fence)
    assert envelope is not None
    postman.send(envelope)  # and here the worker dies: the letter has left, and nobody noted it
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        delivery.deliver_due()
    assert len(postman.ids) == 2
    assert len(set(postman.ids)) == 1


def test_each_letter_gets_its_whole_lease_however_long_the_ones_before_it_took(house: Portal, ada: Person, postman: Postman) -> None:
    _post(ada)
    [(row, fence)] = jobs.claim(Letter, State.WAITING)
    now = clock.now()
    with time_machine.travel(now + timedelta(seconds=50), tick=False):
        delivery._prepare(row, fence)
    with time_machine.travel(now + timedelta(seconds=70), tick=False):
        assert jobs.claim(Letter, State.WAITING) == []


# --- over SMTP


@pytest.fixture
def post_office() -> Iterator[tuple[SmtpRelay, Script]]:
    with mail_server.listening() as (url, script):
        relay = SmtpRelay(url, rate=10_000)
        yield relay, script
        relay._hang_up()


MAIL = Envelope("b-1@mail.example", "ada@example.com", b"Subject: Hello\r\n\r\n.dots\r\n..stay\r\n")


def test_a_mail_arrives_byte_for_byte_and_the_connection_is_used_again(post_office: tuple[SmtpRelay, Script]) -> None:
    relay, script = post_office
    relay.send(MAIL)
    relay.send(MAIL)
    assert script.mails == [(MAIL.sender, MAIL.recipient, MAIL.message)] * 2
    assert script.connections == 1


@pytest.mark.parametrize(
    ("command", "said", "meant", "kept"),
    [
        ("RCPT", "550 5.1.1 <ada@example.com> unknown", Bounced, "550 5.1.1"),
        ("RCPT", "450 4.2.1 <ada@example.com> busy", TryLater, "450 4.2.1"),
        ("RCPT", "452 too many", TryLater, "452"),
        ("MAIL", "550 5.7.1 not from you", Failed, "550 5.7.1"),
        ("MAIL", "451 later", TryLater, "451"),
        ("DATA", "554 5.6.0 no", Failed, "554 5.6.0"),
        ("END", "554 5.7.1 ada@example.com looks like spam", Failed, "554 5.7.1"),
        ("END", "452 4.3.1 disk full", TryLater, "452 4.3.1"),
        ("CONNECT", "554 go away", TryLater, "SMTPConnectError"),
        ("CONNECT", "421 busy", TryLater, "SMTPConnectError"),
    ],
)
def test_each_answer_of_the_server_is_understood_and_its_words_are_not_kept(
    post_office: tuple[SmtpRelay, Script], command: str, said: str, meant: type[Exception], kept: str
) -> None:
    relay, script = post_office
    script.answers[command] = [said]
    with pytest.raises(meant) as answer:
        relay.send(MAIL)
    assert str(answer.value) == kept
    assert script.mails == []
    relay.send(MAIL)
    assert len(script.mails) == 1


def test_a_connection_that_the_server_closed_is_opened_again_without_counting(post_office: tuple[SmtpRelay, Script]) -> None:
    relay, script = post_office
    relay.send(MAIL)
    script.answers["MAIL"] = [DROP]
    relay.send(MAIL)
    assert script.connections == 2
    assert len(script.mails) == 2


def test_after_goodbye_the_next_mail_finds_a_new_connection(post_office: tuple[SmtpRelay, Script]) -> None:
    relay, script = post_office
    script.answers["END"] = ["421 4.3.2 shutting down"]
    with pytest.raises(TryLater):
        relay.send(MAIL)
    relay.send(MAIL)
    assert (script.connections, len(script.mails)) == (2, 1)


def test_a_server_that_drops_twice_is_asked_later(post_office: tuple[SmtpRelay, Script]) -> None:
    relay, script = post_office
    script.answers["MAIL"] = [DROP, DROP]
    with pytest.raises(TryLater, match="disconnected"):
        relay.send(MAIL)


def test_a_server_that_is_not_there_is_asked_later() -> None:
    with mail_server.listening() as (url, _script):
        pass
    with pytest.raises(TryLater, match="ConnectionRefusedError"):
        SmtpRelay(url, rate=10_000).send(MAIL)


def test_a_wrong_password_of_ours_fails_no_letter(post_office: tuple[SmtpRelay, Script]) -> None:
    relay, script = post_office
    script.answers["EHLO"] = ["250-mail.test\r\n250 AUTH PLAIN"]
    script.answers["AUTH"] = ["535 5.7.8 wrong"]
    with pytest.raises(TryLater, match="SMTPAuthenticationError"):
        SmtpRelay(relay.url.geturl().replace("//", "//us%40er:p%2Fw@"), rate=10_000).send(MAIL)
    assert "AUTH" in script.commands


def test_off_this_machine_no_mail_leaves_without_tls(post_office: tuple[SmtpRelay, Script], monkeypatch: pytest.MonkeyPatch) -> None:
    relay, script = post_office
    monkeypatch.setattr("portal.letters.transport.LOOPBACK", set())
    with pytest.raises(TryLater, match="SMTPNotSupportedError"):
        relay.send(MAIL)
    assert script.mails == []


def test_the_whole_way_from_the_outbox_to_the_server(house: Portal, ada: Person, post_office: tuple[SmtpRelay, Script]) -> None:
    house.extensions["transport"], script = post_office
    script.answers["RCPT"] = ["450 4.2.1 later", "250 fine"]
    key = _post(ada)
    delivery.deliver_due()
    assert (_letter(key).state, _letter(key).attempts) == (State.WAITING, 1)
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        delivery.deliver_due()
    assert (_letter(key).state, [recipient for _sender, recipient, _raw in script.mails]) == (State.SENT, ["ada@example.com"])


def test_nothing_that_a_mail_server_says_puts_an_address_into_the_store(
    house: Portal, ada: Person, post_office: tuple[SmtpRelay, Script], place: Path
) -> None:
    house.extensions["transport"], script = post_office
    script.answers["RCPT"] = ["550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown"]
    key = _post(ada)
    delivery.deliver_due()
    assert _letter(key).state == State.BOUNCED
    with db.reading() as session:
        rows = session.execute(text("SELECT * FROM letter")).all()
    assert "ada@example.com" not in repr(rows)
