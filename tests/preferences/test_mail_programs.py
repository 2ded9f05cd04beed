"""Mail programs find the way out of the newsletter in its headers, and using it stops the newsletter."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import compat32
from pathlib import Path
from urllib.parse import urlsplit

import listunsub
import pytest

from portal.app import Portal
from portal.settings import Settings
from tests.conftest import make_settings
from tests.mailbag import Mailbag
from tests.preferences.conftest import Reader

HOST = "privacy.halyard-music.example"


@pytest.fixture
def settings(place: Path, store_url: str) -> Settings:
    """A shop on the open network, as its letters need an https address."""
    public = {"base_url": f"https://{HOST}", "demo": False, "keyring": place.parent / "keyring"}
    return make_settings(place, store_url).model_copy(update=public)


def test_the_newsletter_carries_one_way_out_that_mail_programs_read(reader: Reader, mailbag: Mailbag) -> None:
    reader.is_sent("newsletter")
    raw = mailbag.last("ada@example.com").raw
    head = message_from_bytes(raw, policy=compat32)
    fields, posts = head.get_all("List-Unsubscribe"), head.get_all("List-Unsubscribe-Post")
    assert listunsub.audit(fields, posts) == []
    assert fields is not None
    assert len(fields) == 1
    assert [urlsplit(uri).path for uri in listunsub.parse(fields[0], strict=True)] == [reader.link("newsletter")]
    assert len(head.get_all("List-Id") or []) == 1
    header = raw.partition(b"\r\n\r\n")[0]
    assert b"=?" not in b"".join(line for line in header.split(b"\r\n") if line.startswith(b"List-"))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"ada" not in fields[0].encode()


@pytest.mark.parametrize("form", ["multipart", "urlencoded"])
def test_what_a_mail_program_sends_for_that_header_stops_the_newsletter(house: Portal, reader: Reader, mailbag: Mailbag, form: str) -> None:
    reader.is_sent("newsletter")
    head = message_from_bytes(mailbag.last("ada@example.com").raw, policy=compat32)
    [uri] = listunsub.http_links(listunsub.parse(head["List-Unsubscribe"]))
    asked = listunsub.one_click_request(uri, form=form)  # type: ignore[arg-type]
    assert urlsplit(asked.url).netloc == HOST
    for headers in (asked.headers, {**asked.headers, "X-Forwarded-Proto": "http", "Origin": "null"}):
        answer = house.test_client().post(urlsplit(asked.url).path, base_url=f"https://{HOST}", data=asked.body, headers=headers)
        assert answer.status_code == 200
        assert "Location" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert reader.said() == [("newsletter", "no", "one_click")]
