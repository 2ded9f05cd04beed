"""One form with every kind of field, for the page that shows all parts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, PasswordField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from portal.core.forms import PortalForm

ANSWER = InputRequired(_l("Write something here."))
PICK = InputRequired(_l("Pick one."))
BOX = CheckboxInput()
COUNTRIES = [SelectChoice("", _l("Please choose")), SelectChoice("US", "United States"), SelectChoice("DE", "Deutschland")]
PLACES = [SelectChoice("home", _l("At home")), SelectChoice("work", _l("At work"))]
TOPICS = [SelectChoice("strings", _l("Strings")), SelectChoice("reeds", _l("Reeds"))]


class PartsForm(PortalForm):
    """Sent empty, every field says what is missing."""

    name = StringField(_l("A line of text"), [ANSWER], render_kw={"autocomplete": "off"})
    email = EmailField(_l("An e-mail address"), [ANSWER], render_kw={"autocomplete": "off"})
    password = PasswordField(_l("A password"), [ANSWER], render_kw={"autocomplete": "off"})
    country = SelectField(_l("A list to choose from"), [PICK], choices=COUNTRIES)
    note = TextAreaField(_l("A longer text"), [ANSWER])
    kind = RadioField(_l("One of several"), [PICK], choices=PLACES)
    topics = SelectMultipleField(_l("Any of several"), [PICK], choices=TOPICS, widget=ListWidget(prefix_label=False), option_widget=BOX)
    gift = BooleanField(_l("A box to tick"), [InputRequired(_l("Tick this box."))])
