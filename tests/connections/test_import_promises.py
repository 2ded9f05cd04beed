"""Whatever stands in a shop's file: it is refused in one sentence or taken whole, and no card number of it is kept anywhere."""

from __future__ import annotations

import csv
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.app import Portal
from portal.connections.shopify.headers import CUSTOMERS_HEADER
from portal.core import db
from tests.conftest import SECRET
from tests.connections.shops import CUSTOMERS, HEADERS, ORDERS, Row, Shop, fingerprint, opened

CARDS = ("4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005", "６０１１１１１１１１１１１１１７")  # noqa: RUF001
ROOT = Path(__file__).parents[2]
WHAT = (CUSTOMERS, ORDERS)


# Files that cannot be taken


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "The file is empty"),
        (b"Name,Address\nZoe,1 Lantern Row\n", "it has no column"),
        (b"%PDF-1.7 of something else", "it has no column"),
        ("truncated", "row 501 is the last complete one"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_one_sentence(house: Portal, shop: Shop, what: str, content: Any, says: str) -> None:
    file = shop.folder / "file.csv"
    if content == "truncated":
        line = ",".join(f"cell {number}" for number in range(len(HEADERS[what])))
        content = "\n".join([",".join(HEADERS[what]), *[line] * 501, '"A cell that nev']).encode()
    file.write_bytes(content)
    before = fingerprint(house, without=())

    outcome = shop.take_file(what, file)

    assert (outcome.code, outcome.out) == (2, [])
    assert says in outcome.err
    assert outcome.err.strip().endswith("Nothing was imported.")
    assert len(outcome.err.splitlines()) == 1
    assert fingerprint(house, without=()) == before


def test_a_file_that_is_not_there_is_said_to_be_missing(shop: Shop) -> None:
    outcome = shop.take_file(CUSTOMERS, shop.folder / "nowhere.csv")

    assert (outcome.code, outcome.out) == (2, [])
    assert "nowhere.csv cannot be read or written" in outcome.err


# Card numbers


@pytest.mark.parametrize("what", WHAT)
def test_no_card_number_of_a_file_is_kept_anywhere(house: Portal, shop: Shop, place: Path, what: str) -> None:
    exempt = re.compile("id$|zip|phone|^name$|sku|reference|receipt", re.IGNORECASE)
    texts = [name for name in HEADERS[what] if not exempt.search(name) and name not in {"Email", "Currency"}]
    shop = Shop(house, shop.folder, shop.capsys, extra=("Card Number", "password", "password_hash", "rp_token"))
    rows: list[Row] = []
    for number, card in enumerate(CARDS * 3):
        secrets = {"Card Number": card, "password": "hunter2-hunter2", "password_hash": "$2y$10$abcdefghij", "rp_token": "0badc0de0badc0de"}
        cells = {name: f"{name} {card} CVC 123" if number < len(CARDS) else "fine" for name in texts}
        rows.append({HEADERS[what][0]: f"#{number}", "Email": f"person{number}@example.com", **cells, **secrets})

    outcome = shop.take(what, *rows)

    assert outcome.figures["imported"] == len(rows)
    kept = " ".join(str(fields) for _name, fields in opened(house)) + str(outcome)
    written = b"".join(file.read_bytes() for file in [*place.rglob("*"), *shop.folder.glob("report*")] if file.is_file())
    assert "[card number removed]" in kept
    digits = re.sub(r"[^0-9]", "", re.sub(r"[０-９]", lambda found: str(int(found[0])), kept))  # noqa: RUF001
    for card in CARDS:
        assert re.sub(r"[^0-9]", "", card.translate({ord("０") + n: str(n) for n in range(10)})) not in digits  # noqa: RUF001
        assert card.encode() not in written
    for secret in ("hunter2", "$2y$10", "0badc0de"):
        assert secret not in kept
        assert secret.encode() not in written


@pytest.mark.parametrize("what", WHAT)
def test_nothing_of_a_file_stands_in_plain_text_on_the_disk(house: Portal, shop: Shop, place: Path, what: str, store: str) -> None:
    if store != "sqlite":
        pytest.skip("the bytes of a PostgreSQL server are not the portal's files")
    words = {name: f"q{number:02}unmistakable" for number, name in enumerate(HEADERS[what])}
    kept_plain = {"Currency", "Total", "Default Address Country Code"}
    shop.take(what, {**words, "Email": "unmistakable@example.com"})

    written = b"".join(file.read_bytes() for file in place.rglob("*") if file.is_file())
    assert [name for name, word in words.items() if word.encode() in written and name not in kept_plain] == []
    assert b"unmistakable" not in written


# Any rows that can be built

ANSWER = st.sampled_from(["yes", "no", "", "YES", "perhaps"])
WHO = st.integers(0, 3)


@given(rows=st.lists(st.tuples(WHO, st.integers(0, 2), ANSWER, st.text(max_size=5)), min_size=1, max_size=12), data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_rows_add_up_and_whoever_said_no_once_is_not_written_to(
    house: Portal, shop: Shop, rows: list[tuple[int, int, str, str]], data: st.DataObject
) -> None:
    mark = os.urandom(4).hex()
    named = [
        {"Customer ID": f"{mark}{who}{number}", "Email": f"{mark}{who}@example.com", "Accepts Email Marketing": answer, "Note": note}
        for who, number, answer, note in rows
    ]
    first = shop.take(CUSTOMERS, *named)
    before = fingerprint(house)
    again = shop.take(CUSTOMERS, *named)

    people = {row["Email"] for row in named if "\0" not in row["Note"]}
    assert first.figures["rows"] == first.figures["imported"] + first.figures["updated"] + first.figures["skipped"]
    assert first.figures["imported"] == len(people)
    assert again.figures["imported"] == 0
    assert fingerprint(house) == before
    for email in people:
        said = {row["Accepts Email Marketing"].lower() for row in named if row["Email"] == email and "\0" not in row["Note"]}
        assert shop.wants(email) == ("yes" in said and not said & {"no", "perhaps"})


# The command itself


def environment(house: Portal, place: Path, store_url: str) -> dict[str, str]:
    own = {"PORTAL_DATA_DIR": str(place), "PORTAL_DATABASE_URL": store_url, "PORTAL_SECRET_KEY": SECRET, "PORTAL_UNSUBSCRIBE_KEYS": SECRET}
    return {**os.environ, **own}


def test_the_command_ends_with_its_figures(house: Portal, place: Path, store_url: str, shared: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    ends = []
    for what, more in (("customers", ["--dry-run"]), ("customers", ["--report", str(report)]), ("orders", []), ("orders", [])):
        file = shared / "shops" / f"shopify_{what}_export.csv"
        command = [sys.executable, "-m", "portal", "import", f"shopify-{what}", str(file), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment(house, place, store_url))
        assert done.stderr == ""
        ends.append(done.stdout.splitlines()[-2:])

    customers = ["erased_before=0", "rows=45 imported=40 updated=2 skipped=3"]
    assert ends == [
        customers,
        customers,
        ["orders=57", "rows=120 imported=120 updated=0 skipped=0"],
        ["orders=57", "rows=120 imported=0 updated=120 skipped=0"],
    ]
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


PEAK_OF_IMPORT = """
import sys
from pathlib import Path
from portal.app import create_app
from portal.connections.report import Report
from portal.connections.shopify.customer_import import import_customers
report = Report()
with create_app().app_context():
    import_customers(Path(sys.argv[1]), report, lambda: None)
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(report.summary().split()[1].partition("=")[2], peak)
"""


def people(count: int) -> Iterator[Row]:
    for number in range(count):
        note = "Leave it with the neighbor, second door. " * 100
        yield {"Customer ID": f"{number}", "Email": f"person{number}@example.com", "Accepts Email Marketing": "yes", "Note": note}


def test_a_large_file_is_imported_in_flat_memory(house: Portal, place: Path, store_url: str, tmp_path: Path) -> None:
    peaks = []
    for count in (1000, 5000):
        file = tmp_path / f"{count}.csv"
        with file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, CUSTOMERS_HEADER)
            writer.writeheader()
            writer.writerows(people(count))
        assert file.stat().st_size > count * 4000
        command = [sys.executable, "-c", PEAK_OF_IMPORT, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment(house, place, store_url))
        _imported, peak = map(int, done.stdout.split())
        peaks.append(peak)

    assert peaks[1] < peaks[0] + 8_000
    with house.app_context(), db.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM customer").scalar() == 5000
