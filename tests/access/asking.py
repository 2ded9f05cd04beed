"""Asking the house from outside, one question at a time: nothing that the test or another request noted is there for the next."""

from __future__ import annotations

import re
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from portal.app import Portal
from tests.browsing import Browser
from tests.people import Person

FORM = "application/x-www-form-urlencoded"
PAGE_WITH_FORM = "/sign-in"
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes


class Asker:
    """Somebody at a browser: a visitor, or a customer who signed in a moment ago."""

    def __init__(self, house: Portal, person: Person | None = None) -> None:
        self.house, self.user = house, ""
        if person:
            browser = Browser(house).signed_in_as(person)
            with browser.client.session_transaction() as cookie:
                self.user = cookie["_user_id"]

    def ask(self, method: str, path: str, data: dict[str, Any] | None = None, *, signed: bool = True, **how: Any) -> Answer:
        """One request in a browser of its own, its form with the right token unless `signed` is false."""
        return Context().run(self._ask, method, path, urlencode(data or {}).encode(), signed=signed, content_type=FORM, **how)

    def ask_raw(self, path: str, body: bytes, *, signed: bool = True, content_type: str = FORM) -> Answer:
        """Post these very bytes."""
        return Context().run(self._ask, "POST", path, body, signed=signed, content_type=content_type)

    def _ask(self, method: str, path: str, body: bytes, *, signed: bool, content_type: str, **how: Any) -> Answer:
        client = self.house.test_client()
        if self.user:
            with client.session_transaction() as cookie:
                cookie["_user_id"] = self.user
        if method in {"GET", "HEAD"}:
            response = client.open(path, method=method, **how)
        else:
            sent = b"&".join(part for part in (body, self._token(client) if signed else b"") if part)
            response = client.open(path, method=method, data=sent, content_type=content_type, **how)
        content = response.get_data()
        response.close()
        return Answer(response.status_code, dict(response.headers), response.headers.getlist("Set-Cookie"), content)

    @staticmethod
    def _token(client: FlaskClient) -> bytes:
        found = TOKEN.search(client.get(PAGE_WITH_FORM).get_data(as_text=True))
        assert found, "no form with a token"
        return urlencode({"csrf_token": found.group(1)}).encode()
