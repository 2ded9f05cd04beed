"""Every setting of the portal: its name, its default and what it means."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url

SHORTEST_SECRET = 32
FEWEST_SIGNS = 10
MARK_BYTES = 4
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SettingsRefused(Exception):
    """A setting would break a promise, so the portal does not start; the text says which and why."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Read from the environment first, then from `portal.env` in the data folder."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("var"), description="folder of the store, the key ring and the ledger unless they are placed elsewhere")
    database_url: str = Field("", description="SQLAlchemy URL of the store; empty: SQLite in the data folder")
    database_owner_url: str = Field("", description="URL with the right to change the schema; empty: the same as the store's")
    keyring: Path = Field(Path(), description="key ring file; empty: `keyring` in the data folder (off loopback it must stand elsewhere)")
    keyring_copies: Words = Field((), description="further places where the portal itself keeps the key ring, comma separated")
    keys_bak: Path = Field(Path(), description="the sealed dump of all data keys; empty: `keys.bak` in the data folder")
    ledger: Path = Field(Path(), description="append-only list of erasures; empty: `ledger.jsonl` in the data folder")
    ledger_copies: Words = Field((), description="further places of the ledger, comma separated")
    checkpoints: Path = Field(Path(), description="signed heads of the audit trail; empty: `checkpoints` in the data folder")
    secret_key: str = Field("", description="signs the session cookie; made at first start")
    secret_key_fallbacks: Words = Field((), description="former session keys that are still believed")
    unsubscribe_keys: Words = Field((), description="keys of unsubscribe links, newest first; never remove one that has not leaked")
    base_url: str = Field("http://localhost:5000", description="the portal's address in letters; https unless it is on this machine")
    shop_name: str = Field("Halyard Music", description="the shop's name")
    shop_phone: str = Field("+1 512 555 0142", description="the number people may call about their privacy")
    shop_postal_address: str = Field(
        "Halyard Music, 100 Sample Street, Austin, TX 78701, USA", description="the postal address in every marketing mail"
    )
    privacy_address: str = Field("privacy@halyard-music.example", description="the address people may write to about their privacy")
    shop_country: str = Field("US", min_length=2, max_length=2, description="country of the shop, two letters")
    shop_region: str = Field("TX", description="state or region of the shop")
    shop_timezone: Annotated[str, AfterValidator(_known_zone)] = Field("America/Chicago", description="the shop's time zone")
    keep_rules: Words = Field(
        ("us", "us-tx", "de", "oss"), description="which laws make the shop keep records of sales; the longest counts"
    )
    brand: str = Field("#8a1538", pattern=r"^#[0-9a-fA-F]{6}$", description="brand color")
    on_brand: str = Field("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", description="color of text on the brand color")
    radius: str = Field("8px", pattern=r"^\d+(\.\d+)?(px|rem)$", description="roundness of corners")
    font: str = Field("system-ui, sans-serif", pattern=r"^[\w\s,'-]+$", description="font of the pages")
    logo: Path = Field(Path(), description="SVG or PNG file shown beside the shop's name; empty: none")
    rate_limits: Literal["on", "off"] = Field("on", description="limits against guessing and flooding")
    smtp_url: str = Field("", description="mail server, smtp://user:password@host:587 or smtps://…; empty: letters are written to files")
    mail_domain: str = Field("localhost.localdomain", description="domain of Message-IDs and of the address that bounces return to")
    mail_from: str = Field("", description="From address of letters; empty: the privacy address")
    mail_rate: int = Field(14, ge=1, description="letters a second that the mail server accepts")
    proxies: int = Field(0, ge=0, description="how many proxies in front of the portal may be believed")
    grace_days: int = Field(14, ge=0, le=28, description="days between asking for deletion and its being carried out")
    languages: Words = Field(("en",), description="languages of pages and letters, the shop's own first")
    processor: Literal["demo", "none"] = Field("none", description="payment processor; the demo starts its own")
    demo: bool = Field(default=False, description="set by the demo alone: shows /dev/mail and the demo processor")

    @model_validator(mode="after")
    def places(self) -> Settings:
        for name, file in {"keyring": "keyring", "keys_bak": "keys.bak", "ledger": "ledger.jsonl", "checkpoints": "checkpoints"}.items():
            if getattr(self, name) == Path():
                object.__setattr__(self, name, self.data_dir / file)
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{(self.data_dir / 'portal.db').absolute()}")
        if not self.database_owner_url:
            object.__setattr__(self, "database_owner_url", self.database_url)
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Is the portal reached only from this machine?"""
        return self.host in LOOPBACK

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.shop_timezone)

    @property
    def grace(self) -> timedelta:
        return timedelta(days=self.grace_days)

    @property
    def keyring_places(self) -> list[Path]:
        """The key ring and its copies."""
        return [self.keyring, *map(Path, self.keyring_copies)]

    @property
    def logo_url(self) -> str:
        """Where pages find the logo, or nothing."""
        return "" if self.logo == Path() else "/logo"

    @property
    def sender(self) -> str:
        return self.mail_from or self.privacy_address

    def refuse_weakness(self) -> None:
        """Raise SettingsRefused for the first setting that would break a promise to the customers."""
        self._refuse_weak_keys()
        address = urlsplit(self.base_url)
        if address.path or address.query or not self.host:
            raise SettingsRefused("PORTAL_BASE_URL must be like https://privacy.shop.example, with nothing behind the host and port.")
        if self.is_local:
            return
        if address.scheme != "https":
            raise SettingsRefused("PORTAL_BASE_URL must begin with https:// unless the portal runs on this machine alone.")
        if self.demo:
            raise SettingsRefused("The demo shop runs on this machine alone: PORTAL_BASE_URL must be a loopback address.")
        if self.keyring.resolve().is_relative_to(self.data_dir.resolve()):
            raise SettingsRefused("PORTAL_KEYRING must stand outside the data folder, or a copied folder would open itself.")
        for name, url in {"DATABASE_URL": self.database_url, "DATABASE_OWNER_URL": self.database_owner_url}.items():
            if not _is_private(url):
                raise SettingsRefused(f"PORTAL_{name} must say sslmode=verify-full unless the database is on this machine.")

    def _refuse_weak_keys(self) -> None:
        if not self.unsubscribe_keys:
            raise SettingsRefused("PORTAL_UNSUBSCRIBE_KEYS is empty: set at least one random key.")
        for name in ("secret_key", "secret_key_fallbacks", "unsubscribe_keys"):
            said: str | tuple[str, ...] = getattr(self, name)
            if any(is_weak(key) for key in ([said] if isinstance(said, str) else said)):
                weakness = f"shorter than {SHORTEST_SECRET} bytes, easy to guess or published"
                raise SettingsRefused(f"PORTAL_{name.upper()} has a key that is {weakness}: set a random one.")


def is_weak(key: str) -> bool:
    """Could somebody guess this key, because it is short, plain, or stands in lists of keys that were published by mistake?"""
    return len(key.encode()) < SHORTEST_SECRET or len(set(key)) < FEWEST_SIGNS or _mark(key) in _published()


def _mark(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:MARK_BYTES]


@cache
def _published() -> frozenset[bytes]:
    """Marks of the long entries of the lists that attackers try on session cookies."""
    marks = resources.files("portal").joinpath("published_keys.bin").read_bytes()
    return frozenset(marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES))


def _is_private(url: str) -> bool:
    """Does nobody between the portal and its store listen: a file, a socket, this machine, or TLS with a checked name?"""
    store = make_url(url)
    if store.get_backend_name() == "sqlite":
        return True
    hosts = [store.host or "", *_listed(store.query.get("host")), *_listed(store.query.get("hostaddr"))]
    is_here = all(not host or host.startswith("/") or host in LOOPBACK for host in hosts)
    return is_here or _listed(store.query.get("sslmode")) == ["verify-full"]


def _listed(value: str | tuple[str, ...] | None) -> list[str]:
    return [] if value is None else ",".join([value] if isinstance(value, str) else value).split(",")


def load(data_dir: Path | None = None, **fixed: object) -> Settings:
    """Settings of this process. A first start writes `portal.env` (mode 0600) with fresh secrets into the data folder."""
    folder = data_dir or Path(os.environ.get("PORTAL_DATA_DIR", "var"))
    file = folder / "portal.env"
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_secrets(file)
    if file.stat().st_mode & 0o077:
        raise SettingsRefused(f"{file} holds secrets, so it must belong to this user alone (mode 0600).")
    try:
        return Settings(_env_file=file, data_dir=folder, **fixed)  # type: ignore[call-arg,arg-type]
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise SettingsRefused(f"PORTAL_{where} cannot be used: {first['msg']}.") from None


def _write_secrets(file: Path) -> None:
    """Whole or not at all, and once: of two first starts at the same time both go on with the same secrets."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(f"PORTAL_SECRET_KEY={secrets.token_urlsafe(48)}\nPORTAL_UNSUBSCRIBE_KEYS={secrets.token_urlsafe(48)}\n")
    with suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()


def current() -> Settings:
    """Settings of the running portal."""
    settings: Settings = current_app.extensions["settings"]
    return settings


def table() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, as the README prints them."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else "" if default == Path() else str(default)
        rows.append((f"PORTAL_{name.upper()}", re.sub(r"^$", "—", shown), field.description or ""))
    return rows
