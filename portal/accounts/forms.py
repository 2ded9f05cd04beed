"""What people type to register, to sign in and to change their details."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, HiddenField, PasswordField, RadioField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Optional

from portal.access.ticket import CODE_MINUTES
from portal.accounts import account
from portal.accounts.account import Account
from portal.contacts.choice import Preference
from portal.contacts.contact import Contact
from portal.contacts.topics import TOPICS, Channel
from portal.core.forms import PortalForm
from portal.customers.customer import Customer
from portal.preferences.forms import Ticks

YOUNGEST, OF_AGE = 13, 18
"""Years (16 CFR 312 protects children under 13)."""
ADULT, TEEN, CHILD = "adult", "teen", "child"
AGES = [
    SelectChoice(CHILD, _l("Under %(age)d", age=YOUNGEST)),
    SelectChoice(TEEN, _l("%(first)d to %(last)d", first=YOUNGEST, last=OF_AGE - 1)),
    SelectChoice(ADULT, _l("%(age)d or older", age=OF_AGE)),
]
GOOD_PASSWORD = _l("%(number)d characters or more. Some words in a row are easy to remember.", number=account.SHORTEST)
WHY = {
    "email": Contact.__holding__.purpose,
    "name": Customer.__holding__.purpose,
    "password": Account.__holding__.purpose,
    "topics": Preference.__holding__.purpose,
}
"""Why we ask, in the words of what the tables say about themselves."""
BY_EMAIL = [SelectChoice(topic.slug, topic.wording) for topic in TOPICS if Channel.EMAIL in topic.channels]


def trimmed(text: str | None) -> str | None:
    """Without the spaces that phones like to add."""
    return text.strip() if text else text


def fit_address(_form: FlaskForm, field: Field) -> None:
    """The shape of an address is the only thing that is strict about it."""
    try:
        validate_email(field.data or "", check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError:
        raise ValidationError(_l("Enter an e-mail address in the right form, like name@example.com.")) from None


def fit_password(form: FlaskForm, field: Field) -> None:
    address = form.email.data if "email" in form else form.address
    problem = account.problem_with(field.data or "", address or "")
    if problem:
        raise ValidationError(problem)


class RegisterForm(PortalForm):
    """One account."""

    email = EmailField(
        _l("E-mail address"),
        [InputRequired(_l("Enter your e-mail address.")), fit_address],
        filters=[trimmed],
        render_kw={"autocomplete": "email"},
    )
    name = StringField(_l("Name (optional)"), [Optional()], render_kw={"autocomplete": "name"})
    password = PasswordField(
        _l("Password"),
        [InputRequired(_l("Choose a password.")), fit_password],
        description=GOOD_PASSWORD,
        render_kw={"autocomplete": "new-password"},
    )
    age = RadioField(_l("How old are you?"), [InputRequired(_l("Say how old you are."))], choices=AGES)
    topics = Ticks(_l("E-mail Notifications"), choices=BY_EMAIL)
    policy = HiddenField()
    accept = BooleanField(
        _l("I have read and accept the privacy policy."), [InputRequired(_l("Read and accept the privacy policy to open an account."))]
    )


class WelcomeForm(PortalForm):
    """The policy, for a customer who did not register here."""

    policy = HiddenField()


class AddressForm(PortalForm):
    """Who is it?"""

    email = EmailField(
        _l("E-mail address"),
        [InputRequired(_l("Enter your e-mail address.")), fit_address],
        filters=[trimmed],
        render_kw={"autocomplete": "username"},
    )
    next = HiddenField()


class PasswordForm(PortalForm):
    """Sign in with a password."""

    email = EmailField(
        _l("E-mail address"), [InputRequired(_l("Enter your e-mail address."))], render_kw={"autocomplete": "username", "readonly": True}
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password."))], render_kw={"autocomplete": "current-password"})


class CodeForm(PortalForm):
    """A mailed code."""

    NOT_RIGHT = _l("This code is not right, or its time is over. Check the newest mail, or ask for a new code.")

    code = StringField(
        _l("Code from our mail"),
        [InputRequired(_l("Enter the six digits of the code."))],
        description=_l("Six digits. They work for %(minutes)d minutes.", minutes=CODE_MINUTES),
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )


class OwnPasswordForm(PortalForm):
    """A password that was chosen before."""

    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password."))], render_kw={"autocomplete": "current-password"})


class NewPasswordForm(PortalForm):
    """A password to choose, for the account of an address."""

    password = PasswordField(
        _l("New password"),
        [InputRequired(_l("Choose a password.")), fit_password],
        description=GOOD_PASSWORD,
        render_kw={"autocomplete": "new-password"},
    )

    def __init__(self, address: str = "") -> None:
        super().__init__()
        self.address = address


class DetailsForm(PortalForm):
    """Name, phone, time zone."""

    name = StringField(_l("Name"), [Optional()], render_kw={"autocomplete": "name"})
    phone = StringField(_l("Phone"), [Optional()], render_kw={"autocomplete": "tel", "type": "tel"})
    time_zone = SelectField(_l("Time zone"), [Optional()])


class NewAddressForm(PortalForm):
    """A new e-mail address."""

    email = EmailField(
        _l("New e-mail address"),
        [InputRequired(_l("Enter the new address.")), fit_address],
        filters=[trimmed],
        render_kw={"autocomplete": "email"},
    )


class EmptyForm(PortalForm):
    """Only a button."""
