"""A browser without a screen: it follows forms and links, and checks every page that it loads."""

from __future__ import annotations

from contextvars import Context
from typing import Any

import html5lib
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.access.session import Session, token_digest
from portal.app import Portal
from portal.core import clock, db, digests
from portal.core.web import CSP
from tests.people import Person


class Page:
    """A loaded page."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.text = response.get_data(as_text=True) if (response.mimetype or "").startswith("text/") else ""
        self.soup = BeautifulSoup(self.text, "html.parser")

    @property
    def words(self) -> str:
        return " ".join(self.soup.get_text(" ").split())

    @property
    def h1(self) -> str:
        heading = self.soup.h1
        return " ".join(heading.get_text(" ").split()) if heading else ""

    def form(self, containing: str = "") -> Tag:
        """The form that has this button, field or address."""
        forms = [form for form in self.soup.find_all("form") if containing in str(form)]
        assert forms, f"no form with {containing!r} on {self.h1!r}: {self.words[:400]}"
        return forms[0]


class Browser:
    """Keeps cookies, follows redirects, fills forms by their names."""

    def __init__(self, house: Portal) -> None:
        self.house = house
        self.client: FlaskClient = house.test_client()
        self.page: Page = None  # type: ignore[assignment]
        self.path = ""

    def signed_in_as(self, person: Person, *, strong: bool = True) -> Browser:
        """Put a fresh session into the cookie jar."""
        token = "t" + person.id.hex + clock.now().isoformat()
        with self.house.app_context(), db.transaction() as store:
            now = clock.now()
            digest = digests.digest("device", "test")
            row = Session(person_id=person.id, token_digest=token_digest(token), device_digest=digest, seen_at=now, proved_at=now)
            row.strong_at = now if strong else None
            row.device = "Browser"
            store.add(row)
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = token
        return self

    def get(self, path: str, expect: int = 200) -> Page:
        return self._ask("GET", path, expect)

    def post(self, path: str, data: dict[str, Any] | None = None, expect: int = 200, **how: Any) -> Page:
        return self._ask("POST", path, expect, data=data, **how)

    def submit(self, containing: str = "", expect: int = 200, **fields: Any) -> Page:
        """Fill the form that contains this text and send it."""
        form = self.page.form(containing)
        data: dict[str, Any] = {}
        for field in form.select("input[name], select[name], textarea[name]"):
            _fill(data, field)
        data.update({name: value for name, value in fields.items() if value is not None})
        action = str(form.get("action") or self.path)
        if form.get("method", "get").lower() == "get":  # type: ignore[union-attr]
            return self._ask("GET", action, expect, query_string=data)
        return self.post(action, data, expect)

    def _ask(self, method: str, path: str, expect: int, **how: Any) -> Page:
        """Ask from outside, as a network does: nothing that the test or another request noted is there for this one."""

        def ask() -> TestResponse:
            response = self.client.open(path, method=method, follow_redirects=True, **how)
            response.get_data()
            return response

        return self._take(Context().run(ask), expect)

    def _take(self, response: TestResponse, expect: int) -> Page:
        self.page = Page(response)
        self.path = response.request.path
        assert self.page.status == expect, f"{response.request.path} answered {self.page.status}: {self.page.words[:600]}"
        if response.mimetype == "text/html":
            check(self.page)
        return self.page


def _fill(data: dict[str, Any], field: Tag) -> None:
    name, kind = str(field["name"]), field.get("type")
    if field.name == "select":
        chosen = field.select_one("option[selected]") or field.select_one("option")
        data[name] = str(chosen.get("value", chosen.text)) if chosen else ""
    elif field.name == "textarea":
        data[name] = field.text.removeprefix("\n")
    elif kind == "checkbox":
        if field.has_attr("checked"):
            data.setdefault(name, []).append(str(field.get("value", "y")))
    elif kind == "radio":
        if field.has_attr("checked"):
            data[name] = str(field.get("value", ""))
    else:
        data[name] = str(field.get("value", ""))


def check(page: Page) -> None:
    """What holds for every page: well-formed, one heading equal to the title, unique ids, forms with an action, nothing inline."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    parser.parse(page.text)
    title = " ".join(page.soup.title.get_text().split()) if page.soup.title else ""
    assert len(page.soup.find_all("h1")) == 1, f"{title}: not exactly one h1"
    assert title.removeprefix("Error: ").rpartition(" \N{EN DASH} ")[0] == page.h1, f"title {title!r} is not the heading {page.h1!r}"
    ids = [str(tag["id"]) for tag in page.soup.find_all(id=True)]
    assert len(ids) == len(set(ids)), f"{title}: an id stands twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    for form in page.soup.find_all("form"):
        assert form.get("action"), f"{title}: a form without action"
    for label in page.soup.find_all("label"):
        assert label.get("for") in ids or label.find("progress"), f"{title}: a label without field: {label}"
    for field in page.soup.select("input:not([type=hidden]):not([type=submit]), select, textarea"):
        assert page.soup.find("label", attrs={"for": field.get("id")}), f"{title}: a field without label: {field}"
    assert not page.soup.find_all(style=True), f"{title}: a style attribute"
    assert not [s for s in page.soup.find_all("script") if not s.get("src")], f"{title}: an inline script"
    assert not page.soup.find_all(lambda tag: any(a.startswith("on") for a in tag.attrs)), f"{title}: an inline handler"
    assert page.soup.select_one("html[lang]"), f"{title}: no language"
    assert page.response.headers["Content-Security-Policy"] == CSP
    assert page.soup.find("a", href="/stop-email"), f"{title}: no way to stop mail"
    for link in page.soup.select("a[href], form[action], img[src], link[href], script[src]"):
        target = str(link.get("href") or link.get("action") or link.get("src"))
        assert target.startswith(("/", "#", "mailto:", "tel:")) or "//localhost" in target, f"{title}: leads elsewhere: {target}"


