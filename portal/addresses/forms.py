"""The address form: its fields follow the country, and what looks unusual is pointed out but never stops anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import request
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, HiddenField, SelectField, StringField, TelField
from wtforms.fields.choices import Choice
from wtforms.widgets import Select

from portal.addresses import countries
from portal.addresses.address import PARTS, Address, Use
from portal.addresses.countries import Field
from portal.addresses.country_names import countries as all_countries
from portal.addresses.country_names import country_name
from portal.core.forms import PortalForm, fit_to_keep

WHY = {
    "country": _l("other questions follow in other countries"),
    "name": _l("the carrier hands the parcel to this person"),
    "company": _l("some parcels go to a workplace"),
    "line1": _l("the carrier goes there"),
    "line2": _l("it helps the carrier to find the door"),
    "city": _l("the post sorts by it"),
    "region": _l("the post sorts by it, and some taxes depend on it"),
    "postal_code": _l("the post sorts by it"),
}


class LongList(Select):  # type: ignore[misc]
    """A long list in few bytes: an option needs no end tag (HTML Standard, 13.1.2.4)."""

    @classmethod
    def render_option(cls, choice: Choice, **attributes: Any) -> Markup:
        return Markup(super().render_option(choice, **attributes).removesuffix("</option>"))  # noqa: S704 - escaped by WTForms


class ListedField(SelectField):  # type: ignore[misc]
    """A list to choose from that also keeps an answer it does not know."""

    widget = LongList()

    def pre_validate(self, form: Any) -> None:
        fit_to_keep(form, self)

    def iter_choices(self) -> Iterator[Any]:
        if self.data and self.data not in self.choices:
            yield Choice(self.data, self.data, selected=True, render_kw={})
        yield from super().iter_choices()


class AddressForm(PortalForm):
    """One address. The parts that its country has are added by `address_form`."""

    country = SelectField(_l("Country"), render_kw={"autocomplete": "country"}, widget=LongList())
    is_delivery_default = BooleanField(_l("Send my parcels here unless I say otherwise"))
    is_billing_default = BooleanField(_l("Send my bills here unless I say otherwise"))
    anyway = BooleanField(_l("Save anyway: it is right as it stands"))
    version = HiddenField()

    layout: countries.AddressForm
    is_outdated = False
    is_warned = False

    @property
    def typed(self) -> dict[str, str]:
        """The parts of the address as typed."""
        return {part: self[part].data or "" for part in PARTS if part in self}

    @property
    def uses(self) -> list[Use]:
        return [use for use in Use if self[use].data]

    def is_ready(self, stored: Address | None = None) -> bool:
        """May it be saved now? If not, the page comes back with the reason beside the field, or with the fields of another country."""
        if not self.validate() or "update" in request.form:
            return False
        if stored and self.version.data != str(stored.version):
            self._show_as_outdated(stored)
            return False
        return self._is_filled() and not self._warn()

    def _show_as_outdated(self, stored: Address) -> None:
        self.is_outdated, self.version.data = True, str(stored.version)
        self.form_errors.append(_("This address was changed in another window. Nothing is saved yet."))

    def _is_filled(self) -> bool:
        if any(text.strip() for part, text in self.typed.items() if part not in {"name", "company", "phone"}):
            return True
        self.line1.errors = [_("Enter the address.")]
        return False

    def _warn(self) -> bool:
        found = {} if self.anyway.data else countries.warnings(self.country.data, self.typed)
        for part, sentence in found.items():
            self[part].errors = [sentence]
        self.is_warned = bool(found)
        return self.is_warned


def address_form(start: Mapping[str, Any]) -> AddressForm:
    """The form as it was sent, or filled with `start`, with the fields of its country and room for all that stands in it."""
    is_sent = request.method == "POST"
    values = request.form if is_sent else start
    country = values.get("country", "")
    layout = _layout(country, values)
    own = type("CountryForm", (AddressForm,), {field.name: _input(field) for field in layout.fields})
    form: AddressForm = own(data=None if is_sent else dict(start))
    form.layout = layout
    form.country.choices = _countries(str(start["country"]))
    return form


def _layout(country: str, values: Mapping[str, str]) -> countries.AddressForm:
    """Lists keep unknown answers by themselves; any other part that was typed and has no field in this country gets one."""
    plain = countries.form_for(country)
    lists = {field.name for field in plain.fields if field.choices}
    return plain.holding({part: values[part] for part in PARTS if part in values and part not in lists})


def _countries(own: str) -> dict[str, str]:
    """Every country, and the stored one even if no list knows it."""
    listed = dict(all_countries(str(get_locale() or "en")))
    return listed if own in listed else {own: country_name(own, "en") or _("Choose"), **listed}


def _input(field: Field) -> Any:
    label = field.label if field.required else _("%(label)s (optional)", label=field.label)
    how = {"autocomplete": field.autocomplete}
    if field.choices:
        return ListedField(label, choices={"": _("Choose"), **dict(field.choices)}, render_kw=how)
    return TelField(label, render_kw=how) if field.name == "phone" else StringField(label, render_kw=how)
