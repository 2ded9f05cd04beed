"""What people fill in to stop mail, with or without an account. Nothing is ticked for them."""

from __future__ import annotations

import unicodedata

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, SelectMultipleField, StringField, SubmitField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, EmailInput

from portal.contacts.topics import ALL, TOPICS, Channel
from portal.core.forms import PlainForm, PortalForm

LONGEST_ADDRESS = 320
"""Bytes (RFC 5321 section 4.5.3.1, local part and domain)."""


class Ticks(SelectMultipleField):  # type: ignore[misc]
    """Boxes to tick. A value we do not know is left aside, never a reason to refuse."""

    option_widget = CheckboxInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        known = {option.value for option in self.choices}
        self.data = [value for value in dict.fromkeys(valuelist) if value in known]

    @property
    def ticked(self) -> list[str]:
        return list(self.data or ())


class AnyAddress(Field):  # type: ignore[misc]
    """An address to stop mail to: whatever has a sign before and after its last @, since mail may be going to the strangest one."""

    widget = EmailInput()

    def _value(self) -> str:
        return self.data or ""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].strip() if valuelist else ""

    def pre_validate(self, form: FlaskForm) -> None:
        local, _at, domain = self.data.rpartition("@")
        fit = "".join(char for char in self.data if unicodedata.category(char) not in {"Cc", "Cs"})
        if not local or not domain or fit != self.data or len(fit.encode()) > LONGEST_ADDRESS:
            self.data = fit
            raise ValidationError(_l("Enter the e-mail address that our mail comes to, like name@example.com."))


BY_EMAIL = [SelectChoice(topic.slug, topic.title) for topic in TOPICS if Channel.EMAIL in topic.channels]
BY_CHANNEL = [SelectChoice(f"{topic.slug}:{channel}", topic.title) for topic in TOPICS for channel in topic.channels]


class StopEmailForm(PlainForm):
    """Stop e-mails to an address."""

    email = AnyAddress(_l("E-mail address"), render_kw={"autocomplete": "email"})
    topics = Ticks(_l("Stop only some of them (optional)"), choices=BY_EMAIL)
    instead = SubmitField()


class StopPostForm(PlainForm):
    """Stop advertising by post to a postal address."""

    name = StringField(_l("Name"), [InputRequired(_l("Enter the name as it stands on our mail."))], render_kw={"autocomplete": "name"})
    street = StringField(
        _l("Street and house number"),
        [InputRequired(_l("Enter the street and the house number."))],
        render_kw={"autocomplete": "address-line1"},
    )
    postal_code = StringField(_l("Postal code"), [InputRequired(_l("Enter the postal code."))], render_kw={"autocomplete": "postal-code"})


class ChoicesForm(PlainForm):
    """Stop further lists, from a link in a mail."""

    stop = Ticks(_l("Stop these lists"), choices=BY_EMAIL)
    everything = SubmitField()

    @property
    def wanted(self) -> list[str]:
        return [ALL] if self.everything.data else self.stop.ticked

    def validate_stop(self, _field: Field) -> None:
        if not self.wanted:
            raise ValidationError(_l("Choose at least one list to stop."))


class NotificationsForm(PortalForm):
    """Every list on every channel. `shown` is what was ticked when the page was made, so that only what was changed is changed."""

    on = Ticks(_l("What we may send you"), choices=BY_CHANNEL)
    shown = HiddenField()

    @property
    def shown_keys(self) -> list[str]:
        known = {option.value for option in BY_CHANNEL}
        return [key for key in (self.shown.data or "").split() if key in known]
