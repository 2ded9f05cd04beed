"""The ground of all forms: a key that makes them act once, and no card number in any text."""

from __future__ import annotations

import secrets
import unicodedata
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, PasswordField, StringField, TextAreaField, ValidationError

from portal.core import card_numbers

LONGEST_LINE = 200


class PortalForm(FlaskForm):  # type: ignore[misc]
    """A form of a signed-in page, or of the steps before."""

    form_key = HiddenField(default=lambda: secrets.token_urlsafe(12))

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # noqa: D106 - named by the library
        def wrap_formdata(self, _form: FlaskForm, formdata: Any) -> Any:
            """Fields are text: a file or a JSON value under the name of one is left aside."""
            if formdata is None or isinstance(formdata, MultiDict):
                return formdata
            return request.form if request.method == "POST" else None

    def validate(self, extra_validators: Any = None) -> bool:
        """Every text field also refuses card numbers and what no store can keep. A password is taken as typed."""
        kept = [name for name, field in self._fields.items() if isinstance(field, StringField) and not isinstance(field, PasswordField)]
        extra = {name: [*(extra_validators or {}).get(name, []), fit_to_keep] for name in kept}
        return bool(super().validate(extra_validators={**(extra_validators or {}), **extra}))


class PlainForm(PortalForm):
    """A form of a page that reads no cookie: sending it twice changes nothing, so it needs no key."""

    form_key = None

    class Meta(PortalForm.Meta):  # noqa: D106 - as above
        csrf = False


def fit_to_keep(_form: FlaskForm, field: Field) -> None:
    """Refuse card numbers, half characters and control characters; nothing of the text is repeated."""
    text = field.data or ""
    if card_numbers.contains(text):
        field.data = card_numbers.remove(text)[0]
        raise ValidationError(_("This looks like a card number. For your safety we never keep one: please take it out."))
    allowed = "\n\r\t" if isinstance(field, TextAreaField) else ""
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
        field.data = "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cs"})
        raise ValidationError(_("There is a character here that cannot be kept. Please check the text and send it again."))
    if len(text) > LONGEST_LINE and not isinstance(field, TextAreaField):
        raise ValidationError(_("This is too long: %(number)d characters at most.", number=LONGEST_LINE))
