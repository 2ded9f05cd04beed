"""A shop's own files come in whole: every row is accounted for, and nothing that must not be kept is kept."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.connections import cells
from portal.connections.records import FileRefused
from portal.connections.report import Reason, Report, RowsLost, written_to
from portal.connections.shopify.customers import CUSTOMERS, CustomerRow, read_customers
from portal.connections.shopify.orders import OrderGroup, read_orders

ZONE = ZoneInfo("America/Chicago")
SHARED = Path(os.environ.get("PORTAL_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
CUSTOMER_HEADER = [column.names[0] for column in CUSTOMERS.columns.values() if "Province" not in column.names[0]]
ORDER_HEADER = (
    "Name,Email,Financial Status,Created at,Currency,Total,Lineitem quantity,Lineitem name,Lineitem price,Billing Name,Billing Address1,"
    "Shipping Name,Shipping Address1,Note Attributes,Id,Notes,Canceled at"
).split(",")


@pytest.fixture(scope="module")
def shops() -> Path:
    folder = SHARED / "shops"
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("the shared test data is not beside the checkout")
    return folder


@pytest.fixture(scope="module")
def expected(shops: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shops / "expected.json").read_text(encoding="utf-8"))
    return found


def written(path: Path, header: list[str], *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)
    return path


def customers(path: Path, report: Report | None = None) -> list[CustomerRow]:
    report = report or Report()
    people = list(read_customers(path, ZONE, report))
    report.count_imported(len(people))
    assert report.summary()
    return people


def orders(path: Path, report: Report | None = None) -> list[OrderGroup]:
    report = report or Report()
    found = list(read_orders(path, ZONE, report))
    report.count_imported(sum(len(order.places) for order in found))
    assert report.summary()
    return found


def told(path: Path, read: Any) -> tuple[Any, list[dict[str, str]]]:
    target = io.StringIO()
    result = read(path, Report(target))
    return result, list(csv.DictReader(io.StringIO(target.getvalue())))


# The two sample files


def test_every_row_of_the_customers_file_ends_where_it_should(shops: Path, expected: dict[str, Any]) -> None:
    right = expected["shopify_customers_export.csv"]
    people, lines = told(shops / "shopify_customers_export.csv", customers)

    assert len(people) == right["imported"] + len(right["updated"])
    assert len({person.email.casefold() or person.name for person in people}) == right["imported"]
    skipped = {(int(line["row"]), line["reason"]) for line in lines if line["outcome"] == "skipped"}
    assert skipped == {(row["row"], row["reason"]) for row in right["skipped"]}
    assert [(person.place.row, person.name) for person in people if not person.email] == [
        (row["row"], row["name"]) for row in right["without_email"]
    ]
    assert [person.email for person in people if not person.name] == right["without_name"]


def test_amounts_and_names_come_in_as_they_were_meant(shops: Path, expected: dict[str, Any]) -> None:
    right = expected["shopify_customers_export.csv"]
    people = {person.email.casefold(): person for person in customers(shops / "shopify_customers_export.csv")}

    for address, amount in right["amounts"].items():
        assert people[address].total_spent == Decimal(amount["value"])
    for address, name in right["kept_as_typed"].items():
        assert people[address].last_name == name
    yes_sms = [person for person in people.values() if person.sms_marketing]
    assert len(yes_sms) == right["sms_marketing"]["SUBSCRIBED"]
    assert people["francois.lefevre@example.com"].address.postal_code == "75011"
    assert people["francois.lefevre@example.com"].phone == "+33199000104"
    assert people["noah.bellweather@example.com"].address.address1 == "31 Placeholder Lane\nRear entrance"


def test_the_orders_file_gives_whole_orders(shops: Path, expected: dict[str, Any]) -> None:
    right = expected["shopify_orders_export.csv"]
    found = orders(shops / "shopify_orders_export.csv")

    assert sum(len(order.places) for order in found) == right["rows"]
    assert len(found) == right["orders"]
    assert sum(len(order.lines) for order in found) == right["lines"]
    assert sum(len(order.lines) > 1 for order in found) == right["orders_with_several_lines"]
    assert [order.name for order in found if not order.email] == right["orders_without_email"]
    assert {order.name: order.shipping.name for order in found if order.is_gift} == right["gift_orders"]
    assert sorted(order.name for order in found if not order.name.startswith("#")) == right["bare_number_names"]
    assert right["id_that_looks_like_a_card_number"] in {order.external_id for order in found}
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for order in found:
        totals[order.currency] += order.total or 0
    assert totals == {currency: Decimal(total) for currency, total in right["total_by_currency"].items()}
    assert all(order.created_at and order.created_at.tzinfo == UTC for order in found)


def test_guests_are_people_who_are_in_the_orders_file_alone(shops: Path, expected: dict[str, Any]) -> None:
    known = {person.email.casefold() for person in customers(shops / "shopify_customers_export.csv")}
    guests = Counter(order.email for order in orders(shops / "shopify_orders_export.csv") if order.email.casefold() not in known | {""})

    assert sorted(guests) == expected["shopify_orders_export.csv"]["guest_emails"]
    assert guests.total() == expected["shopify_orders_export.csv"]["guest_orders"]


@pytest.mark.parametrize("variant", ["export_20", "import_template_17", "export_old_20", "export_with_metafields"])
def test_every_customers_header_that_shopify_has_written_is_read(shops: Path, tmp_path: Path, variant: str) -> None:
    header = json.loads((shops / "headers.json").read_text(encoding="utf-8"))[f"shopify_customers_{variant}"].split(",")
    values = {"First Name": "Ada", "Last Name": "Lovell", "Email": "ada@example.com", "Accepts Email Marketing": "no"}
    place = {"Address1": "14 Lantern Row", "Province": "Texas", "Province Code": "TX", "Country": "United States", "Country Code": "US"}
    values |= {name: place[name.removeprefix("Default Address ")] for name in header if name.removeprefix("Default Address ") in place}

    (ada,), lines = told(written(tmp_path / "customers.csv", header, values), customers)

    assert (ada.name, ada.email_marketing, ada.address.address1) == ("Ada Lovell", False, "14 Lantern Row")
    assert (ada.address.region, ada.address.country) == ("TX", "US")
    assert lines == []


# Files that are refused


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"\r\n \r\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)

    with pytest.raises(FileRefused, match=r"^The file is empty\. Nothing was imported\.$"):
        customers(path)


def test_a_foreign_file_is_refused_in_one_sentence_that_names_what_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path / "foreign.csv", ["Email", "Name", "Password"])

    with pytest.raises(FileRefused, match="Shopify customers: it has no column First Name, Last Name, Accepts Email Marketing") as refused:
        read_customers(path, ZONE, Report())

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_ends_inside_quotes_is_refused_with_its_last_good_row(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cut.csv"
    person = {"Email": "ada@example.com", "Note": "first\nsecond"}
    whole = written(path, CUSTOMER_HEADER, person, person, person).read_text(encoding="utf-8")
    path.write_bytes(whole[: whole.rindex("second") + 2].encode(encoding))

    with pytest.raises(FileRefused, match="cut off: row 2 is the last complete one"):
        read_customers(path, ZONE, Report())


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
def test_a_file_that_ends_inside_a_letter_is_refused(tmp_path: Path, encoding: str, mark: bytes) -> None:
    path = tmp_path / "cut.csv"
    text = written(path, CUSTOMER_HEADER, {"Email": "ada@example.com", "Tags": "vip"}).read_text(encoding="utf-8")
    path.write_bytes(mark + text.encode(encoding)[:-1])

    with pytest.raises(FileRefused, match="cut off"):
        read_customers(path, ZONE, Report())


def test_a_quote_that_never_closes_does_not_swallow_the_people_behind_it(tmp_path: Path) -> None:
    path = written(tmp_path / "open.csv", CUSTOMER_HEADER, *[{"Email": f"ada{n}@example.com"} for n in range(5000)])
    text = path.read_text(encoding="utf-8").replace("ada3@example.com", '"ada3@example.com')
    path.write_text(text, encoding="utf-8", newline="")

    with pytest.raises(FileRefused):
        read_customers(path, ZONE, Report())


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("x" * 3_000_000, encoding="utf-8")

    with pytest.raises(FileRefused, match="Line 1 is too long"):
        read_customers(path, ZONE, Report())


# Letters, lines and columns


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_letters_delimiters_and_line_ends_are_recognized(tmp_path: Path, encoding: str, delimiter: str, line_end: str) -> None:
    path = tmp_path / "customers.csv"
    lines = [CUSTOMER_HEADER, ["1", "Zoë", "Brontë-Hughes", "zoe@example.com", "yes"]]
    text = line_end.join(delimiter.join(line) for line in lines) + line_end * 2
    path.write_bytes(text.encode(encoding))

    (zoe,), told_lines = told(path, customers)

    assert zoe.name == "Zoë Brontë-Hughes"
    warned = [line["detail"] for line in told_lines if not line["row"]]
    assert warned == (["the file is not Unicode; read as Windows-1252, which concerns 2 cells"] if encoding == "cp1252" else [])


def test_a_byte_that_means_nothing_costs_its_row_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "bytes.csv", CUSTOMER_HEADER, *[{"Email": "ada@example.com", "Note": note} for note in ("é", "XX", "ü")])
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252").replace(b"XX", b"\x81"))

    people, lines = told(path, customers)

    assert [person.note for person in people] == ["é", "ü"]
    assert [(line["row"], line["reason"]) for line in lines if line["outcome"] == "skipped"] == [("2", "unreadable")]


def test_odd_rows_are_told_and_never_lost(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    header = "First Name,Last Name,Email,Accepts Email Marketing"
    rows = [
        "Ada,Lovell,ada@example.com",
        "Bo,Li,bo@example.com,yes,more",
        header.upper(),
        'Cy,"X"Y,cy@example.com,no',
        "",
        "Di,Oz,di@example.com,no",
    ]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")

    people, lines = told(path, customers)

    assert [person.first_name for person in people] == ["Ada", "Di"]
    assert [(line["row"], line["line"], line["reason"] or line["outcome"]) for line in lines] == [
        ("1", "2", "warning"), ("2", "3", "wrong_column_count"), ("3", "4", "repeated_header"), ("4", "5", "unreadable"),
    ]  # fmt: skip


def test_of_a_column_that_occurs_twice_the_first_filled_cell_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(
        "Note,First Name,Last Name,Email,Accepts Email Marketing,Note\na,A,A,a@example.com,no,b\n,B,B,b@example.com,no,b\n",
        encoding="utf-8",
    )

    people, lines = told(path, customers)

    assert [person.note for person in people] == ["a", "b"]
    assert [(line["row"], line["column"]) for line in lines] == [("1", "Note (2)")]


def test_columns_that_are_not_read_are_named_in_the_shops_own_words(tmp_path: Path) -> None:
    header = [*CUSTOMER_HEADER, "Fecha de nacimiento (customer.metafields.facts.birth_date)", "Accepts WhatsApp Marketing"]
    path = written(tmp_path / "more.csv", header, *[{"Email": f"a{n}@example.com", header[-2]: "1990-01-01"} for n in range(12)])

    _, lines = told(path, customers)

    assert [(line["outcome"], line["column"], line["detail"]) for line in lines] == [
        ("unread", header[-2], "filled cells: 12; not imported")
    ]


# Card numbers, passwords


def test_a_column_of_card_numbers_is_dropped_and_its_people_are_imported(tmp_path: Path) -> None:
    numbers = ["4242424242424242", "５５５５555555554444", "", "3782 822463 10005", "none"]  # noqa: RUF001
    rows = [
        {"Email": f"a{n}@example.com", "Note": number, "Card Number": number, "Password": "hunter2"} for n, number in enumerate(numbers)
    ]
    path = written(tmp_path / "cards.csv", [*CUSTOMER_HEADER, "Card Number", "Password"], *rows)

    people, lines = told(path, customers)

    assert len(people) == len(numbers)
    assert {person.note for person in people} == {""}
    assert [line["column"] for line in lines if line["outcome"] == "dropped"] == ["Note", "Card Number", "Password"]
    assert "4242" not in str(lines) + str(people)
    assert "hunter2" not in str(lines) + str(people)


def test_a_card_number_inside_a_note_goes_and_the_note_stays(tmp_path: Path) -> None:
    notes = ["charge 4242 4242 4242 4242 CVC 123, please", "hello", "bye"]
    path = written(tmp_path / "note.csv", CUSTOMER_HEADER, *[{"Email": f"a{n}@example.com", "Note": note} for n, note in enumerate(notes)])

    people, lines = told(path, customers)

    assert [person.note for person in people] == ["charge [card number removed], please", "hello", "bye"]
    assert [(line["row"], line["outcome"], line["column"]) for line in lines] == [("1", "changed", "Note")]


def test_an_order_id_that_looks_like_a_card_number_stays(tmp_path: Path) -> None:
    row = {"Name": "#1", "Currency": "EUR", "Total": "1.00", "Id": "4103947452551", "Notes": "4222222222222 or not"}
    (order,), lines = told(written(tmp_path / "id.csv", ORDER_HEADER, row, {**row, "Notes": "fine"}), orders)

    assert order.external_id == "4103947452551"
    assert order.notes == "[card number removed] or not"
    assert "changed" in {line["outcome"] for line in lines}


# Orders


def test_the_rows_of_an_order_may_stand_anywhere(tmp_path: Path) -> None:
    shared = {"Email": "ada@example.com", "Lineitem quantity": "1", "Lineitem price": "2.00"}
    rows = [
        {"Name": "#2", "Lineitem name": "strap", **shared},
        {"Name": "#1", "Lineitem name": "reed", "Currency": "JPY", "Total": "1,234", "Created at": "2026-01-02 03:04:05 -0600", **shared},
        {"Name": "#2", "Lineitem name": "pick", "Currency": "EUR", "Total": "5.00", "Canceled at": "2026-01-02", **shared},
        {"Name": "", "Lineitem name": "nobody's", **shared},
        {"Name": "#1", "Lineitem name": "case", "Currency": "USD", **shared},
    ]

    found, lines = told(written(tmp_path / "mixed.csv", ORDER_HEADER, *rows), orders)

    assert [(order.name, [place.row for place in order.places]) for order in found] == [("#2", [1, 3]), ("#1", [2, 5])]
    assert [[line.name for line in order.lines] for order in found] == [["strap", "pick"], ["reed", "case"]]
    assert [(order.currency, order.total) for order in found] == [("EUR", Decimal("5.00")), ("JPY", Decimal(1234))]
    assert found[0].cancelled_at == datetime(2026, 1, 2, 6, tzinfo=UTC)
    assert [(line["row"], line["reason"] or line["column"]) for line in lines] == [("4", "no_order_number"), ("5", "Currency")]


@pytest.mark.parametrize(
    ("billing", "shipping", "attributes", "is_gift"),
    [
        (("Ada", "A 1"), ("Ada", "A 1"), "", False),
        (("Ada", "A 1"), ("June", "B 2"), "", True),
        (("Ada", "A 1"), ("June", "A 1"), "", False),
        (("Ada", "A 1"), ("June", "A 1"), "gift: yes", True),
        (("Ada", "A 1"), ("June", "A 1"), "gift: no", False),
        (("Ada", "A 1"), ("Ada", "B 2"), "color: red", False),
        (("Ada", "A 1"), ("", ""), "gift: yes", False),
        (("Ada", "A 1"), ("Ada", "A 1"), "gift card: 25", False),
    ],
)
def test_a_parcel_to_somebody_else_is_a_gift(
    tmp_path: Path, billing: tuple[str, str], shipping: tuple[str, str], attributes: str, is_gift: bool
) -> None:
    row = {"Name": "#1", "Billing Name": billing[0], "Billing Address1": billing[1], "Note Attributes": attributes}
    path = written(tmp_path / "gift.csv", ORDER_HEADER, row | {"Shipping Name": shipping[0], "Shipping Address1": shipping[1]})

    (order,) = orders(path)

    assert order.is_gift == is_gift


def test_an_order_with_an_unreadable_address_is_kept_without_a_person(tmp_path: Path) -> None:
    (order,), lines = told(written(tmp_path / "order.csv", ORDER_HEADER, {"Name": "#1", "Email": "ada(at)example.com"}), orders)

    assert order.email == ""
    assert order.as_typed == (("Email", "ada(at)example.com"),)
    assert [line["outcome"] for line in lines] == ["warning"]


# Cells


@pytest.mark.parametrize(
    ("text", "currency", "value"),
    [
        ("1.234,56", "EUR", "1234.56"), ("1,042.50", "USD", "1042.50"), ("1\u202f184,30", "EUR", "1184.30"), ("1 184,30", "EUR", "1184.30"),
        ("48955", "JPY", "48955"), ("1,234", "JPY", "1234"), ("800.00", "JPY", "800"), ("1.234", "EUR", None), ("1.234", "", None),
        ("1.234.567", "EUR", "1234567"), ("1'234.50", "CHF", "1234.50"), ("1,30,550.36", "INR", "130550.36"), ("$5.00", "USD", "5.00"),
        ("-5.00 €", "EUR", "-5.00"), ("US$ 28.71", "USD", "28.71"), ("0,00", "EUR", "0.00"), ("28.5", "EUR", "28.5"),
        ("0.125", "", "0.125"),
        ("12 apples", "", None), ("", "", None), ("1e9", "", None), ("NaN", "", None), ("9" * 500, "", None), ("12.34", "JPY", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_only_when_it_can_mean_one_thing(text: str, currency: str, value: str | None) -> None:
    assert cells.amount(text, currency) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-02 17:09:34 -0300", datetime(2025, 10, 2, 20, 9, 34, tzinfo=UTC)),
        ("2025-10-02T17:09:34Z", datetime(2025, 10, 2, 17, 9, 34, tzinfo=UTC)),
        ("2025-10-02 17:09:34 UTC", datetime(2025, 10, 2, 17, 9, 34, tzinfo=UTC)),
        ("2025-10-02T17:09:34.5+02:00", datetime(2025, 10, 2, 15, 9, 34, 500000, tzinfo=UTC)),
        ("5/6/2012 15:53", datetime(2012, 5, 6, 20, 53, tzinfo=UTC)),
        ("2025-01-02 09:00", datetime(2025, 1, 2, 15, tzinfo=UTC)),
        ("1759439374", datetime(2025, 10, 2, 21, 9, 34, tzinfo=UTC)),
        ("2025-02-30", None),
        ("0001-01-01 00:00:00 +1400", None),
        ("yesterday", None),
    ],
)
def test_a_moment_without_a_zone_is_the_shops_time(text: str, moment: datetime | None) -> None:
    assert cells.moment(text, ZONE) == moment


def test_what_is_not_clear_is_kept_as_it_was_typed(tmp_path: Path) -> None:
    row = {"Email": " a@\u200bexample.com\u00a0", "Total Spent": "'1.234", "Note": "'=1+1", "Last Name": "'t Hart", "Tax Exempt": "perhaps"}
    (person,), lines = told(written(tmp_path / "unclear.csv", CUSTOMER_HEADER, row), customers)

    assert (person.email, person.note, person.last_name) == ("a@example.com", "=1+1", "'t Hart")
    assert (person.total_spent, person.tax_exempt) == (None, None)
    assert person.as_typed == (("Total Spent", "1.234"),)
    assert [line["column"] for line in lines] == ["Total Spent", "Tax Exempt"] or [line["column"] for line in lines] == [
        "Tax Exempt",
        "Total Spent",
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"Phone": "+17135550101"}, None),
        ({"First Name": "Ada", "Default Address City": "Houston"}, None),
        ({"First Name": "Ada", "Default Address Country Code": "US"}, Reason.NOTHING_TO_IDENTIFY),
        ({"Default Address City": "Houston"}, Reason.NOTHING_TO_IDENTIFY),
        ({"Customer ID": "'7310448318216"}, Reason.NOTHING_TO_IDENTIFY),
        ({"Email": "a" * 65 + "@example.com"}, Reason.BAD_EMAIL),
        ({"Email": "nobody"}, Reason.BAD_EMAIL),
        ({"Email": "4242424242424242@example.com", "Phone": "+17135550101"}, None),
    ],
)
def test_a_row_counts_only_if_it_names_somebody(tmp_path: Path, row: dict[str, str], reason: Reason | None) -> None:
    report = Report()
    customers(written(tmp_path / "who.csv", CUSTOMER_HEADER, row, {"Email": "z@example.com", "Note": "x"}), report)

    assert list(report.reasons) == ([reason] if reason else [])


# The report


def test_a_report_is_for_its_owner_alone_even_where_a_file_stood(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.touch(mode=0o644)
    with written_to(path) as report:
        report.tell("warning", None, "=cmd()", "card 4242424242424242")  # type: ignore[arg-type]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8").splitlines()[1] == ",,warning,,'=cmd(),card [card number removed]"


def test_a_lost_row_never_passes_for_a_good_import() -> None:
    report = Report()
    report.rows = 3
    report.count_imported(2)

    with pytest.raises(RowsLost):
        report.summary()


# Any file that can be built

CELL = st.text(max_size=12) | st.sampled_from(
    ["", "ada@example.com", "4242424242424242", "1.234", "yes", '"', "\n", "'+1", *CUSTOMER_HEADER[:5]]
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])


def raw_file(header: list[str]) -> st.SearchStrategy[bytes]:
    quoted = CELL.map(lambda text: '"' + text.replace('"', '""') + '"')
    line = st.lists(CELL | quoted, max_size=len(header) + 2)
    whole = st.tuples(st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"]), st.lists(line, max_size=8), ENCODINGS)
    return whole.map(lambda parts: parts[1].join(parts[0].join(row) for row in [header, *parts[2]]).encode(parts[3], "replace"))


@pytest.mark.parametrize(("header", "read"), [(CUSTOMER_HEADER, customers), (ORDER_HEADER, orders)])
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_rows_of_any_file_add_up(tmp_path: Path, header: list[str], read: Any, data: st.DataObject) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data.draw(raw_file(header)))
    report = Report()
    try:
        found = read(path, report)
    except FileRefused:
        assert (report.imported, report.skipped) == (0, 0)
        return
    assert report.rows == report.imported + report.skipped
    assert "4242424242424242" not in "".join(person.note for person in found if isinstance(person, CustomerRow))


ROW = st.fixed_dictionaries({"Note": st.text(max_size=30), "Last Name": st.text(max_size=30)})


@given(rows=st.lists(ROW, max_size=6), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_row_of_a_well_formed_file_is_lost_or_changed(tmp_path: Path, rows: list[dict[str, str]], encoding: str) -> None:
    path = tmp_path / "good.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, CUSTOMER_HEADER, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({"Email": "ada@example.com", **row} for row in rows)
    report = Report()

    people = customers(path, report)

    readable = [row for row in rows if "\0" not in "".join(row.values())]
    assert report.reasons == ({Reason.UNREADABLE: len(rows) - len(readable)} if len(readable) < len(rows) else {})
    plain = [row for row in readable if not row["Note"].startswith("'")]
    assert [cells.trim(row["Note"]) for row in plain] == [person.note for person, row in zip(people, readable, strict=True) if row in plain]


# Large files


def large(path: Path, header: list[str], rows: Iterator[dict[str, str]], size: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            if file.tell() > size:
                break
    return path


def endless_orders() -> Iterator[dict[str, str]]:
    filler = {"Currency": "EUR", "Total": "10.00", "Notes": "Leave it with the neighbor, second door. " * 20}
    number = 0
    while True:
        number += 1
        yield {"Name": f"#{number}", "Email": f"person{number}@example.com", "Lineitem name": "strap", **filler}
        yield {"Name": f"#{max(number - 3000, 1)}", "Lineitem name": "pick", "Lineitem quantity": "1"}


PEAK_OF_READING = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from portal.connections.report import Report
from portal.connections.shopify.orders import read_orders
report = Report()
rows = sum(len(order.places) for order in read_orders(Path(sys.argv[1]), ZoneInfo("UTC"), report))
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(rows, report.rows, peak)
"""


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    peaks = []
    for size in (5_000_000, 20_000_000):
        path = large(tmp_path / f"{size}.csv", ORDER_HEADER, endless_orders(), size)
        command = [sys.executable, "-c", PEAK_OF_READING, str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
        rows, counted, kilobytes = map(int, told.split())
        assert rows == counted > size // 1000
        peaks.append(kilobytes)

    assert peaks[1] < peaks[0] + 8_000
