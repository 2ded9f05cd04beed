"""Settings: a shop that could not keep its promises does not start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from threading import Thread

import pytest

from portal import settings as own_settings
from portal.core import brand
from portal.settings import Settings, SettingsRefused

GOOD = secrets.token_urlsafe(48)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        monkeypatch.delenv(name)


def _made(folder: Path, **changes: object) -> Settings:
    public = {"base_url": "https://privacy.shop.example", "keyring": folder.parent / "keys" / "ring"}
    return own_settings.load(folder, **{"secret_key": GOOD, "unsubscribe_keys": (GOOD[::-1],), **public, **changes})


def _refused(folder: Path, **changes: object) -> str:
    with pytest.raises(SettingsRefused) as refused:
        _made(folder, **changes).refuse_weakness()
    return str(refused.value)


def test_a_sound_shop_starts(tmp_path: Path) -> None:
    _made(tmp_path / "var").refuse_weakness()


PUBLISHED = "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"
WEAK = {
    "empty": "",
    "short": "s3cr3t" * 5,
    "of one character": "x" * 64,
    "of three characters": "abc" * 30,
    "in the Flask handbook": PUBLISHED,
    "on the lists of attackers": "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
}


@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK)
def test_a_key_that_can_be_guessed_is_refused_wherever_it_stands(tmp_path: Path, key: str) -> None:
    assert "PORTAL_SECRET_KEY has a key" in _refused(tmp_path / "var", secret_key=key)
    assert "PORTAL_SECRET_KEY_FALLBACKS" in _refused(tmp_path / "var", secret_key_fallbacks=(GOOD, key))
    for several in ((key, GOOD), (GOOD, key)):
        assert "PORTAL_UNSUBSCRIBE_KEYS" in _refused(tmp_path / "var", unsubscribe_keys=several)


def test_a_shop_without_keys_for_its_links_is_refused(tmp_path: Path) -> None:
    assert "PORTAL_UNSUBSCRIBE_KEYS is empty" in _refused(tmp_path / "var", unsubscribe_keys=())


def test_random_keys_are_never_taken_for_published_ones() -> None:
    assert not any(own_settings.is_weak(secrets.token_urlsafe(32)) for _key in range(2000))


def test_no_refusal_repeats_a_key(tmp_path: Path) -> None:
    assert "s3cr3t" not in _refused(tmp_path / "var", secret_key=WEAK["short"])


@pytest.mark.parametrize("address", ["http://privacy.shop.example", "http://localhost.shop.example", "http://10.0.0.7", "http://127.0.0.2"])
def test_off_this_machine_only_https_will_do(tmp_path: Path, address: str) -> None:
    assert "must begin with https://" in _refused(tmp_path / "var", base_url=address)


@pytest.mark.parametrize("address", ["http://localhost:5000", "http://127.0.0.1:8000", "http://[::1]:8000", "https://localhost"])
def test_on_this_machine_http_is_enough(tmp_path: Path, address: str) -> None:
    _made(tmp_path / "var", base_url=address, demo=True, keyring=Path()).refuse_weakness()


@pytest.mark.parametrize("address", ["https://shop.example/", "https://shop.example/me", "https://shop.example?x=1", "shop.example", ""])
def test_links_are_built_from_a_host_and_nothing_else(tmp_path: Path, address: str) -> None:
    assert "with nothing behind the host" in _refused(tmp_path / "var", base_url=address)


def test_the_demo_stays_on_this_machine(tmp_path: Path) -> None:
    assert "The demo shop runs on this machine alone" in _refused(tmp_path / "var", demo=True)


def test_a_data_folder_that_could_open_itself_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "var" / "ring"
    assert "must stand outside the data folder" in _refused(tmp_path / "var", keyring=inside)
    assert "must stand outside the data folder" in _refused(tmp_path / "var", keyring=Path())
    (tmp_path / "elsewhere").symlink_to(tmp_path / "var")
    assert "must stand outside the data folder" in _refused(tmp_path / "var", keyring=tmp_path / "elsewhere" / "ring")
    assert "must stand outside the data folder" in _refused(tmp_path / "var", keyring=tmp_path / "keys" / ".." / "var" / "ring")


FAR = [
    "postgresql+psycopg://portal@db.shop.example/portal",
    "postgresql+psycopg://portal@db.shop.example/portal?sslmode=require",
    "postgresql+psycopg://portal@db.shop.example/portal?sslmode=verify-full-not",
    "postgresql+psycopg:///portal?host=db.shop.example",
    "postgresql+psycopg://localhost/portal?host=/run/postgresql,db.shop.example",
    "postgresql+psycopg://localhost/portal?hostaddr=203.0.113.5",
]
NEAR = [
    "postgresql+psycopg://portal@localhost/portal",
    "postgresql+psycopg:///portal?host=/run/postgresql",
    "postgresql+psycopg:///portal",
    "postgresql+psycopg://portal@db.shop.example/portal?sslmode=verify-full",
    "sqlite:////srv/portal.db",
]


@pytest.mark.parametrize("url", FAR)
def test_a_database_elsewhere_must_prove_its_name(tmp_path: Path, url: str) -> None:
    assert "PORTAL_DATABASE_URL must say sslmode=verify-full" in _refused(tmp_path / "var", database_url=url)
    owner = _refused(tmp_path / "var", database_url=NEAR[0], database_owner_url=url)
    assert "PORTAL_DATABASE_OWNER_URL must say sslmode=verify-full" in owner


@pytest.mark.parametrize("url", NEAR)
def test_a_database_on_this_machine_or_behind_checked_tls_will_do(tmp_path: Path, url: str) -> None:
    _made(tmp_path / "var", database_url=url).refuse_weakness()


def test_a_first_start_writes_its_own_secrets_for_this_user_alone(tmp_path: Path) -> None:
    first = own_settings.load(tmp_path / "var")
    first.refuse_weakness()
    assert (tmp_path / "var" / "portal.env").stat().st_mode & 0o777 == 0o600
    assert own_settings.load(tmp_path / "var").secret_key == first.secret_key
    assert first.secret_key not in first.unsubscribe_keys
    assert {file.name for file in (tmp_path / "var").iterdir()} == {"portal.env"}


def test_two_first_starts_at_once_go_on_with_the_same_secrets(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(own_settings.load(tmp_path / "var").secret_key)) for _process in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    own_settings.load(tmp_path / "var")
    (tmp_path / "var" / "portal.env").chmod(0o644)
    with pytest.raises(SettingsRefused, match="mode 0600"):
        own_settings.load(tmp_path / "var")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_settings.load(tmp_path / "var")
    monkeypatch.setenv("PORTAL_SECRET_KEY", GOOD)
    assert own_settings.load(tmp_path / "var").secret_key == GOOD


def test_places_are_in_the_data_folder_unless_they_are_named(tmp_path: Path) -> None:
    made = _made(tmp_path / "var", keyring=Path(), keyring_copies=(str(tmp_path / "usb" / "ring"),))
    assert made.keyring_places == [tmp_path / "var" / "keyring", tmp_path / "usb" / "ring"]
    assert (made.keys_bak, made.ledger) == (tmp_path / "var" / "keys.bak", tmp_path / "var" / "ledger.jsonl")
    assert made.database_url == f"sqlite:///{tmp_path / 'var' / 'portal.db'}"


def test_the_readme_can_print_every_setting_with_its_meaning() -> None:
    rows = own_settings.table()
    assert [name for name, _default, _meaning in rows] == [f"PORTAL_{name.upper()}" for name in Settings.model_fields]
    assert all(default and meaning for _name, default, meaning in rows)


# --- brand


def test_colors_on_which_nobody_can_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"contrast of 2\.3; text needs 4\.5"):
        brand.refuse_unreadable(_made(tmp_path / "var", brand="#aaaaaa"))
    brand.refuse_unreadable(_made(tmp_path / "var"))


def test_contrast_is_what_the_guidelines_say() -> None:
    assert brand.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert brand.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert brand.contrast("#8a1538", "#8a1538") == pytest.approx(1)


@pytest.mark.parametrize("color", ["#8a1538", "#ffee00", "#000000", "#ffffff", "#00ff00", "#0000ff"])
def test_links_can_be_read_in_the_light_and_in_the_dark_whatever_the_brand(color: str) -> None:
    assert brand.contrast(brand.readable(color, brand.LIGHT_PAGE, 0), brand.LIGHT_PAGE) >= 4.5
    assert brand.contrast(brand.readable(color, brand.DARK_CARD, 255), brand.DARK_CARD) >= 4.5
