"""What a hostile program sends in place of a filled-in form."""

from __future__ import annotations

import io
from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.browsing import Browser

PLAIN = {"/stop-email": "email", "/stop-post": "street"}
WITH_TOKEN = {"/register": "password", "/sign-in/password": "email", "/forgot-password": "email", "/me/addresses/new": "city"}


def _token(browser: Browser, path: str) -> str:
    page = BeautifulSoup(browser.client.get(path).get_data(as_text=True), "html.parser")
    found = page.find("input", attrs={"name": "csrf_token"})
    return str(found["value"]) if found else ""  # type: ignore[index]


def _page_of(path: str) -> str:
    return "/sign-in" if path == "/sign-in/password" else path


@pytest.mark.parametrize(("path", "field"), {**PLAIN, **WITH_TOKEN}.items())
def test_a_file_in_place_of_a_text_reads_like_an_empty_field(browser: Browser, path: str, field: str) -> None:
    typed: dict[str, Any] = {"csrf_token": _token(browser, _page_of(path)), field: (io.BytesIO(b"not a text"), "file.txt")}
    browser.post(path, typed, 422, content_type="multipart/form-data")


@pytest.mark.parametrize(("path", "field"), PLAIN.items())
def test_json_in_place_of_a_form_reads_like_an_empty_one(visitor: Browser, path: str, field: str) -> None:
    visitor.post(path, None, 422, json={field: 5, "topics": {"a": 1}})
    visitor.post(path, None, 422, json=[1, 2])


@pytest.mark.parametrize("path", PLAIN)
def test_a_form_without_any_field_is_asked_for_again(visitor: Browser, path: str) -> None:
    visitor.post(path, None, 422)


@pytest.mark.parametrize("path", [*PLAIN, "/sign-in"])
def test_ten_thousand_fields_are_not_read(visitor: Browser, path: str) -> None:
    visitor.post(path, {f"field-{number}": "x" for number in range(10_000)}, 413)
