"""Letters as people read them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask_babel import gettext, ngettext
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, TemplateNotFound, UndefinedError

from portal.letters.message import Refused, Shop, build
from portal.letters.templates import render
from tests.letters.test_message import SERVICE

FOLDER = Path(__file__).parents[2] / "templates"
NOTES = {
    "letters/note.txt": "Hello {{ name }}\n\n{{ name }} was here & there.\n",
    "letters/note.html": '{% extends "letters/layout.html" %}{% block letter %}<p>{{ name }}</p>{% endblock %}',
}
SHOP = SimpleNamespace(
    name="Halyard Music", phone="+1 512 555 0142", privacy_address="privacy@shop.example", postal_address="100 Sample Street, Austin"
)
VALUES: dict[str, Any] = {
    "shop": SHOP,
    "base_url": "https://privacy.shop.example",
    "unsubscribe_url": None,
    "url": "https://privacy.shop.example/me",
}


@pytest.fixture(scope="module")
def env() -> Environment:
    app = Environment(
        loader=ChoiceLoader([DictLoader(NOTES), FileSystemLoader(FOLDER)]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    app.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return app


def test_a_new_customer_is_welcomed(env: Environment) -> None:
    letter = render(env, "welcome", "en", VALUES)
    assert letter.subject == "Welcome to Halyard Music"
    assert letter.text.startswith("Your account is ready.")
    for part in (letter.text, letter.html):
        assert "https://privacy.shop.example/me/notifications" in part


def test_every_letter_says_where_the_shop_is_and_how_to_stop_its_mail(env: Environment) -> None:
    letter = render(env, "note", "en", VALUES | {"name": "Ada"})
    for part in (letter.text, letter.html):
        assert SHOP.postal_address in part
        assert SHOP.privacy_address in part
        assert SHOP.phone in part
        assert "https://privacy.shop.example/stop-email" in part
        assert "because you said yes" not in part


def test_a_newsletter_shows_its_own_way_out(env: Environment) -> None:
    letter = render(env, "note", "en", VALUES | {"name": "Ada", "unsubscribe_url": "https://privacy.shop.example/u/abc"})
    assert "https://privacy.shop.example/u/abc\n" in letter.text
    assert '<a href="https://privacy.shop.example/u/abc">' in letter.html


def test_a_letter_loads_nothing_from_elsewhere(env: Environment) -> None:
    html = render(env, "welcome", "en", VALUES).html.lower()
    assert not [tag for tag in ("<img", "<script", "<link", "<style", "<iframe", "src=", "url(", "@import") if tag in html]
    assert '<html lang="en">' in html


def test_a_name_is_escaped_in_html_and_not_in_text(env: Environment) -> None:
    letter = render(env, "note", "en", VALUES | {"name": "<b>Ada & Söhne</b>"})
    assert letter.subject == "Hello <b>Ada & Söhne</b>"
    assert letter.text.startswith("<b>Ada & Söhne</b> was here & there.")
    assert "<p>&lt;b&gt;Ada &amp; Söhne&lt;/b&gt;</p>" in letter.html
    assert "<title>Hello &lt;b&gt;" in letter.html


def test_a_letter_with_a_missing_value_does_not_leave(env: Environment) -> None:
    with pytest.raises(UndefinedError, match="name"):
        render(env, "note", "en", VALUES)
    with pytest.raises(TemplateNotFound):
        render(env, "unwritten", "en", VALUES)


@given(st.text(max_size=5), st.sampled_from(["\r\n", "\n", "\r", "\0"]), st.text(max_size=9))
def test_a_line_break_in_somebody_s_name_is_refused_and_cuts_no_subject(env: Environment, before: str, line_break: str, after: str) -> None:
    letter = render(env, "note", "en", VALUES | {"name": f"{before}{line_break}{after}"})
    with pytest.raises(Refused):
        build(**SERVICE | {"subject": letter.subject, "text": letter.text, "html": letter.html})


def test_the_foot_of_a_newsletter_is_enough_for_the_law(env: Environment) -> None:
    letter = render(env, "note", "en", VALUES | {"name": "Ada", "unsubscribe_url": "https://privacy.shop.example/u/abc"})
    shop = Shop(SHOP.name, SHOP.privacy_address, "mail.shop.example", SHOP.postal_address)
    assert SHOP.postal_address in build(**SERVICE | {"shop": shop, "text": letter.text, "html": letter.html}).message.decode()
