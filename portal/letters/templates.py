"""Letters as people read them: one text and one HTML file each, the first line of the text being the subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask_babel import force_locale
from jinja2 import Environment, StrictUndefined, Template, select_autoescape

FOLDER = "letters"


@dataclass(frozen=True)
class Rendered:
    """A letter in one language with its values filled in."""

    subject: str
    text: str
    html: str


def render(env: Environment, name: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """The letter `name` for one person, with the footer of every letter.

    Values of every letter: `shop` (name, phone, privacy_address, postal_address), `base_url`, `unsubscribe_url` (None in a service letter).
    Raises jinja2.UndefinedError for a value that is missing and TemplateNotFound for a letter that is.
    """
    subject, text = _text(env, name)
    page, footer = (_letters(env).get_template(f"{FOLDER}/{file}") for file in (f"{name}.html", "layout.txt"))
    with force_locale(language):
        known = {**values, "language": language, "subject": subject.render(values)}
        body = text.render(known).strip("\n")
        return Rendered(known["subject"], f"{body}\n\n{footer.render(known)}\n", page.render(known))


@lru_cache(maxsize=4)
def _letters(env: Environment) -> Environment:
    """The app's environment for letters: a missing value is an error, HTML is escaped and text is not."""
    return env.overlay(autoescape=select_autoescape(["html"], default_for_string=False), undefined=StrictUndefined)


@lru_cache(maxsize=256)
def _text(env: Environment, name: str) -> tuple[Template, Template]:
    """Subject and body apart, so that a line break in somebody's name stays in the subject, where it is refused."""
    letters = _letters(env)
    if letters.loader is None:
        raise ValueError("Letters need a loader that finds their templates.")
    source = letters.loader.get_source(letters, f"{FOLDER}/{name}.txt")[0]
    subject, _newline, body = source.partition("\n")
    return letters.from_string(subject), letters.from_string(body)
