"""The same doors behind https: a cookie that no other site can set or read."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.settings import Settings
from tests.browsing import Browser
from tests.conftest import make_settings
from tests.people import PASSWORD, Person

HERE = "https://localhost"


@pytest.fixture
def settings(place: Path, store_url: str) -> Settings:
    return make_settings(place, store_url).model_copy(update={"base_url": HERE})


def test_the_cookie_is_bound_to_this_host_and_to_https(visitor: Browser) -> None:
    cookie = visitor.client.get("/sign-in", base_url=HERE).headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert len(cookie) < 4096


def test_ada_signs_in_from_a_browser_that_names_no_referrer(visitor: Browser, ada: Person) -> None:
    visitor.client.environ_base["wsgi.url_scheme"] = "https"
    visitor.get("/sign-in")
    visitor.submit("Continue", email=ada.email)
    visitor.submit("Sign in", password=PASSWORD)
    assert visitor.path == "/me"


def test_a_form_without_its_token_or_from_another_site_is_refused(visitor: Browser, ada: Person) -> None:
    visitor.client.environ_base["wsgi.url_scheme"] = "https"
    visitor.get("/sign-in")
    page = visitor.page
    visitor.submit("Continue", 400, email=ada.email, csrf_token="")
    visitor.page = page
    visitor.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    visitor.submit("Continue", 403, email=ada.email)
