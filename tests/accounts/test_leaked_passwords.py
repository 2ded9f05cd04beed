"""A password out of a published leak is refused; one that the customer made up is not."""

from __future__ import annotations

import hashlib
from importlib import resources
from random import Random

import pytest

from portal.accounts.leaked_passwords import is_leaked
from tests.accounts.make_leaked_passwords import bloom

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .!?äß€"

LEAKED = """
123qweasdzxc 1qaz2wsx3edc q1w2e3r4t5y6 1q2w3e4r5t6y qazwsxedcrfv 123456qwerty qwerty123456 qwertyqwerty 123456654321 leavemealone
qwerasdfzxcv 123456789987654321 112233445566 unbelievable 1qaz2wsx3edc4rfv finalfantasy needforspeed scandinavian supernatural
counterstrike professional 111111111111 zaq1xsw2cde3 intelligence 12345678901234567890 transformers chesterfield password1234 jamesbond007
international asdfghjkl123 qwertyuiop123 cosmopolitan peanutbutter minecraft123 playstation2 philadelphia nightcrawler greenlantern
passwordstandard christopher1 blahblahblah stratocaster passwordpassword construction satisfaction mortalkombat thecakeisalie sanfrancisco
cheeseburger necronomicon handkerchief entertainment g00dPa$$w0rD InstallSqlSt MdXuOfNR8xSf2 98zT1jnFgGsDg XmuFDgX4cQpE totalcommander
1234567890qazws
""".split()


@pytest.mark.parametrize("password", LEAKED)
def test_a_leaked_password_is_always_found(password: str) -> None:
    assert is_leaked(password)


@pytest.mark.parametrize("password", ["PASSWORD1234", "PeanutButter", "UnBelievable"])
def test_capital_letters_do_not_hide_a_leaked_password(password: str) -> None:
    assert is_leaked(password)


@pytest.mark.parametrize("password", ["", "the heron walks at noon", "password1234 ", "ж" * 128, "\udc80" * 12])
def test_a_password_of_ones_own_is_accepted(password: str) -> None:
    assert not is_leaked(password)


def test_fewer_than_five_in_a_hundred_thousand_strangers_are_refused_by_mistake() -> None:
    chance = Random(20261125)
    assert sum(is_leaked("".join(chance.choices(LETTERS, k=14))) for _ in range(100_000)) < 5


def test_the_filter_is_the_one_its_notice_names() -> None:
    folder = resources.files("portal.accounts")
    digest = hashlib.sha256(folder.joinpath("leaked_passwords.bloom").read_bytes()).hexdigest()
    assert digest in folder.joinpath("leaked_passwords.NOTICE.txt").read_text(encoding="utf-8")


def test_a_filter_made_anew_knows_its_own_passwords_and_takes_29_bits_for_each() -> None:
    assert len(bloom(LEAKED)) == pytest.approx(len(LEAKED) * 28.755 / 8, abs=1)
    assert bloom(LEAKED) != bloom(LEAKED[1:])
