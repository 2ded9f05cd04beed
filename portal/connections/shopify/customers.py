"""Shopify's customers file: one person a row, with one address and two answers about mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from portal.connections import cells
from portal.connections.columns import Kind, Layout, column
from portal.connections.report import Place, Reason, Report
from portal.connections.table import Row, Table, open_table

CUSTOMERS = Layout(
    "Shopify customers",
    {
        "external_id": column(Kind.ID, "Customer ID"),
        "first_name": column(Kind.TEXT, "First Name"),
        "last_name": column(Kind.TEXT, "Last Name"),
        "email": column(Kind.EMAIL, "Email"),
        "email_marketing": column(Kind.ANSWER, "Accepts Email Marketing", "Accepts Marketing"),
        "sms_marketing": column(Kind.ANSWER, "Accepts SMS Marketing"),
        "company": column(Kind.TEXT, "Default Address Company", "Company"),
        "address1": column(Kind.TEXT, "Default Address Address1", "Address1"),
        "address2": column(Kind.TEXT, "Default Address Address2", "Address2"),
        "city": column(Kind.TEXT, "Default Address City", "City"),
        "region_code": column(Kind.TEXT, "Default Address Province Code", "Province Code"),
        "region_name": column(Kind.TEXT, "Default Address Province", "Province"),
        "country_code": column(Kind.TEXT, "Default Address Country Code", "Country Code"),
        "country_name": column(Kind.TEXT, "Default Address Country", "Country"),
        "postal_code": column(Kind.POSTAL_CODE, "Default Address Zip", "Zip"),
        "address_phone": column(Kind.PHONE, "Default Address Phone"),
        "phone": column(Kind.PHONE, "Phone"),
        "total_spent": column(Kind.AMOUNT, "Total Spent"),
        "total_orders": column(Kind.AMOUNT, "Total Orders"),
        "note": column(Kind.TEXT, "Note"),
        "tax_exempt": column(Kind.ANSWER, "Tax Exempt"),
        "tags": column(Kind.TEXT, "Tags"),
    },
    required=("first_name", "last_name", "email", "email_marketing"),
)


@dataclass(frozen=True)
class PostalAddress:
    """An address as the shop's file has it; `region` and `country` are codes where the file has codes, else names."""

    name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    postal_code: str = ""
    phone: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it names no place; a country alone is none."""
        return not (self.company or self.address1 or self.address2 or self.city or self.postal_code)


@dataclass(frozen=True)
class CustomerRow:
    """One row that names a person. Empty texts and None mean that the file says nothing."""

    place: Place
    external_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    address: PostalAddress
    email_marketing: bool | None
    sms_marketing: bool | None
    total_spent: Decimal | None
    total_orders: int | None
    note: str
    tax_exempt: bool | None
    tags: tuple[str, ...]
    as_typed: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def read_customers(path: Path, zone: ZoneInfo, report: Report) -> Iterator[CustomerRow]:
    """Every person of the file, in its order and in flat memory. The shop's zone is for times without one.

    The file is surveyed at once, so `report.rows` stands before the first person. Rows that name nobody are skipped in
    the report; each row given is the caller's to count as imported or updated.
    Raises FileRefused: an empty, cut off or foreign file.
    """
    return _customers(open_table(path, CUSTOMERS, zone, report), report)


def _customers(table: Table, report: Report) -> Iterator[CustomerRow]:
    for record in table.records(report):
        place = Place(record.row, record.line)
        row = table.row(place, record.cells or [], report)
        reason = _nobody(row)
        if reason:
            report.skip(place, reason, table.columns.name("email"))
            continue
        yield _customer(row)


def _nobody(row: Row) -> Reason | None:
    """Why the row names no person: its e-mail address is none, or it has neither that, a phone, nor a name with an address."""
    address = row.text("email")
    if address:
        return None if cells.is_email(address) else Reason.BAD_EMAIL
    named = row.first("first_name", "last_name") and not _address(row).is_empty
    return None if named or row.first("phone", "address_phone") else Reason.NOTHING_TO_IDENTIFY


def _customer(row: Row) -> CustomerRow:
    orders = row.amount("total_orders")
    return CustomerRow(
        place=row.place,
        external_id=row.text("external_id"),
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        email=row.text("email"),
        phone=row.text("phone"),
        address=_address(row),
        email_marketing=_said(row, "email_marketing"),
        sms_marketing=_said(row, "sms_marketing"),
        total_spent=row.amount("total_spent"),
        total_orders=None if orders is None else int(orders),
        note=row.text("note"),
        tax_exempt=row.answer("tax_exempt"),
        tags=tuple(tag for part in row.text("tags").split(",") if (tag := cells.trim(part))),
        as_typed=tuple(row.as_typed),
    )


def _said(row: Row, name: str) -> bool | None:
    """Yes or no to marketing; what is neither is no yes. None if the cell is empty."""
    return row.answer(name) or False if row.text(name) else None


def _address(row: Row) -> PostalAddress:
    return PostalAddress(
        name=f"{row.text('first_name')} {row.text('last_name')}".strip(),
        company=row.text("company"),
        address1=row.text("address1"),
        address2=row.text("address2"),
        city=row.text("city"),
        region=row.first("region_code", "region_name"),
        country=row.first("country_code", "country_name"),
        postal_code=row.text("postal_code"),
        phone=row.text("address_phone"),
    )
