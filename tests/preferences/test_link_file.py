"""A mail service gets the links of those who may be written to, and of nobody else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db, digests, keyring
from portal.core.acting import Actor, Kind, Scene
from portal.preferences import commands, link_file
from portal.preferences.link_file import Row


@pytest.fixture
def subscribe(house: Portal) -> Callable[..., None]:
    def say_yes(*addresses: str) -> None:
        with house.app_context(), acting.acting(Scene(Actor(Kind.SYSTEM, "test"))), db.transaction():
            for address in addresses:
                choice.say_yes(contact.add(keyring.mint(), address).digest, "newsletter", Channel.EMAIL, via="registration")

    return say_yes


@pytest.fixture
def export(house: Portal) -> Callable[..., Result]:
    def run(topic: str = "newsletter") -> Result:
        with house.app_context(), acting.acting(Scene(Actor(Kind.OPERATOR, "rosa"))):
            return CliRunner().invoke(commands.links, ["export", "--topic", topic])

    return run


def lines(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_each_line_holds_an_address_and_its_link(house: Portal, subscribe: Callable[..., None], export: Callable[..., Result]) -> None:
    subscribe("zoe@example.com", "ada@example.com")
    result = export()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "email,unsubscribe_url,list_unsubscribe"
    assert [line["email"] for line in lines(result)] == ["zoe@example.com", "ada@example.com"]
    for line in lines(result):
        assert line["list_unsubscribe"] == f"<{line['unsubscribe_url']}>"
        assert house.test_client().post(line["unsubscribe_url"].removeprefix("http://localhost")).status_code == 200
    assert lines(export()) == []


def test_who_may_not_be_written_to_is_left_out(house: Portal, subscribe: Callable[..., None], export: Callable[..., Result]) -> None:
    subscribe("ada@example.com", "bob@example.com", "eve@example.com")
    with house.app_context(), db.transaction() as session:
        choice.say_no(digests.email_digest("bob@example.com"), "newsletter", Channel.EMAIL, via="form")
        eve = contact.find("eve@example.com")
        assert eve is not None
        keyring.destroy(eve.person_id, keyring.PROFILE)
        session.flush()
    assert [line["email"] for line in lines(export())] == ["ada@example.com"]
    assert lines(export("offers")) == []


def test_the_same_store_gives_the_same_file(subscribe: Callable[..., None], export: Callable[..., Result]) -> None:
    subscribe(*(f"reader{number}@example.com" for number in range(20)))
    assert export().stdout == export().stdout


def test_an_address_that_a_spreadsheet_would_run_is_refused_and_never_changed(
    subscribe: Callable[..., None], export: Callable[..., Result]
) -> None:
    subscribe("=cmd()@example.com", "+plus@example.com", "ada@example.com", '"a,b"@example.com')
    result = export()
    assert result.exit_code == 1
    assert [line["email"] for line in lines(result)] == ["ada@example.com", '"a,b"@example.com']
    assert result.stderr == "Left out, since a spreadsheet would take the address for a formula: 2.\n"


def test_many_readers_come_in_parts_and_none_twice(
    house: Portal, subscribe: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_file, "BATCH", 7)
    addresses = [f"reader{number}@example.com" for number in range(50)]
    subscribe(*addresses)
    with house.app_context():
        assert [row.email for row in link_file.rows("newsletter")] == addresses


def test_a_list_that_does_not_exist_is_no_list(export: Callable[..., Result]) -> None:
    assert export("news").exit_code == 2


def test_a_full_width_formula_is_a_formula_too() -> None:
    assert not Row("\uff1dsum@example.com", "", "").is_safe
    assert Row("sum@example.com", "", "").is_safe
