"""The demo's people: invented names as people write them, places where they could live, phones that ring nowhere."""

from __future__ import annotations

from typing import NamedTuple


class DemoPerson(NamedTuple):
    """Somebody whom a visitor of the demo can be."""

    role: str
    name: str
    email: str
    has_account: bool = True


DEMO_PEOPLE = (
    DemoPerson("customer", "Ada Merriweather", "ada.merriweather@example.com"),
    DemoPerson("customer-germany", "Jürgen Lautenschläger", "juergen.lautenschlaeger@example.org"),
    DemoPerson("customer-gifts", "Zoë Ashcombe", "zoe.ashcombe@example.com"),
    DemoPerson("customer-open-order", "Mateo Ibáñez", "mateo.ibanez@example.org"),
    DemoPerson("imported", "Perpetua Wren", "perpetua.wren@example.com", has_account=False),
)


class Country(NamedTuple):
    """Where customers live, and how the shop sells there. Prices in dollars times `rate` give the country's currency."""

    code: str
    customers: int
    currency: str
    rate: str
    shipping: str
    tax: str
    tax_percent: str
    offset: str
    phones: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _cities(text: str) -> tuple[tuple[str, str, str], ...]:
    """City, region and postal code, separated by bars."""
    parts = [line.strip().split("|") for line in text.strip().splitlines()]
    return tuple((city, region, postal_code) for city, region, postal_code in parts)


COUNTRIES = (
    Country(
        "US", 112, "USD", "1", "7.95", "State tax 6.25%", "6.25", "-0600",
        ("(512) 555-01{:02}", "+171355501{:02}", "(918) 555-01{:02}", "503-555-01{:02}"),
        _words("Ruth,Calvin,Imani,Gus,Marisol,Theo,Priya,Hank,Renée,Darnell,José,Wendy,Amira,Otis,Lucía,Beau,Grace,Minh,Sadie,Everett,Noor,Walt,"
               "Tallulah,Ignacio,Joan,Dev,Harriet,Silas"),
        _words("Okafor,Delacroix,Whitcombe,Nguyễn,Hollis,Castañeda,Brandt,Yazzie,O'Dell,Pemberton,Vasquez,Lindgren,Abernathy,Kim,St. Clair,"
               "Tadesse,Fairweather,De la Rosa,Quill,Haddad,Larue,Stoddard"),
        _words("{} Rosin Lane,{} Plectrum Way,{} Bellows Court,{} Lantern Row,{} Damper Street,{} Fiddlehead Avenue,{} Tremolo Drive"),
        _cities("""
            Austin|TX|78701
            Houston|TX|77002
            El Paso|TX|79901
            Tulsa|OK|74103
            Portland|OR|97205
            Albany|NY|12207
            Nashville|TN|37203
            Boise|ID|83702
            Duluth|MN|55802
            Santa Fe|NM|87501
            Savannah|GA|31401
            Fresno|CA|93721
        """),
    ),
    Country(
        "CA", 14, "CAD", "1.35", "14.50", "GST 5%", "5", "-0500", ("(514) 555-01{:02}", "(604) 555-01{:02}"),
        _words("Liam,Maëlle,Gordon,Élodie,Aiyana,Benoît,Heather"), _words("Tremblay-Roy,Macrae,Gauthier,Singh,Lévesque,Whitebear,Campbell"),
        _words("{} rue du Hautbois,{} Snare Crescent,{} Timpani Road"),
        _cities("""
            Montréal|QC|H2X 1Y4
            Vancouver|BC|V6B 1A1
            Halifax|NS|B3J 1S9
        """),
    ),
    Country(
        "GB", 16, "GBP", "0.79", "5.50", "GB VAT 20%", "20", "+0000", ("+44 20 7946 01{:02}", "+44 7700 9001{:02}"),
        _words("Emily,Rhys,Siân,Hamish,Nell,Imogen,Callum,Zara"),
        _words("ap Gwilym,Brontë-Hughes,Carter,Ferguson,Oyelaran,Pascoe,Ashworth,Begum"),
        _words("{} Cornet Mews,{} Madrigal Terrace,{} Quaver Hill"),
        _cities("""
            London|ENG|EC1M 5RF
            Cardiff|WLS|CF10 1AA
            Edinburgh|SCT|EH1 1BB
            Belfast|NIR|BT1 5GS
        """),
    ),
    Country(
        "DE", 14, "EUR", "0.92", "6.90", "VAT 19%", "19", "+0100", ("+49 30 231251{:02}",),
        _words("Gisela,Björn,Käthe,Torsten,Ayşe,Jörg,Anneliese"), _words("Vößler,Grünwald,Schäfer,Özdemir,von der Heide,Müßig,Krähenbühl"),
        _words("Geigengasse {},Stimmgabelweg {},Oboenstraße {}"),
        _cities("""
            Berlin||10115
            München||80331
            Köln||50667
            Leipzig||04109
        """),
    ),
    Country(
        "FR", 9, "EUR", "0.92", "6.90", "TVA 20%", "20", "+0100", ("+33 1 99 00 01 {:02}",),
        _words("François,Océane,Benoîte,Loïc,Anaïs"), _words("Lefèvre,d'Aubigny,Payet,L'Hôte,Brémond"),
        _words("{} rue du Violon,{} impasse du Hautbois"),
        _cities("""
            Paris||75011
            Lyon||69002
            Saint-Denis||97400
        """),
    ),
    Country(
        "NL", 6, "EUR", "0.92", "6.90", "VAT 21%", "21", "+0100", (),
        _words("Pieter,Femke,Joost,Anouk"), _words("'t Hart,van den Berg,de Graaf,Zijlstra"), _words("Vioolkade {},Trommelstraat {}"),
        _cities("""
            Amsterdam||1017 CD
            Utrecht||3511 AB
        """),
    ),
    Country(
        "SE", 5, "SEK", "10.5", "69.00", "VAT 25%", "25", "+0100", ("+46 31 390 06 {:02}",),
        _words("Åsa,Björn,Märta"), _words("Öberg,Sjöström,Hägg"), _words("Fiolgatan {},Stråkvägen {}"),
        _cities("""
            Göteborg||411 01
            Uppsala||753 10
        """),
    ),
    Country(
        "ES", 6, "EUR", "0.92", "6.90", "IVA 21%", "21", "+0100", (),
        _words("Íñigo,Begoña,Nuria,Andrés"), _words("Peñalver Ruiz,Íñiguez,Ordóñez Vega,Quiñones"),
        _words("Calle del Laúd {},Paseo de la Flauta {}"),
        _cities("""
            Sevilla|SE|41001
            Las Palmas de Gran Canaria|GC|35001
        """),
    ),
    Country(
        "IT", 5, "EUR", "0.92", "6.90", "IVA 22%", "22", "+0100", (),
        _words("Marco,Chiara,Niccolò"), _words("D'Angelo,Sanfilippo,Bordò"), _words("Via del Liuto {},Vicolo della Viola {}"),
        _cities("""
            Torino|TO|10121
            Palermo|PA|90133
        """),
    ),
    Country(
        "PL", 4, "PLN", "4", "25.00", "VAT 23%", "23", "+0100", (),
        _words("Łukasz,Żaneta,Małgorzata"), _words("Żółkiewski,Wiśniewska,Gąsior"), _words("ul. Skrzypcowa {},ul. Bębniarska {}"),
        _cities("""
            Kraków||30-001
            Gdańsk||80-831
        """),
    ),
    Country(
        "IE", 4, "EUR", "0.92", "6.90", "VAT 23%", "23", "+0000", ("+353 20 910 01{:02}",),
        _words("Siobhán,Cillian,Róisín"), _words("Ó Briain,Ní Mhurchú,Kinsella"), _words("{} Bodhrán Row,{} Piper's Lane"),
        _cities("""
            Galway|G|H91 E2K3
            Cork|CO|T12 W8KP
        """),
    ),
    Country(
        "AU", 4, "AUD", "1.5", "12.00", "GST 10%", "10", "+1000", ("+61 2 5550 01{:02}",),
        _words("Noah,Matilda,Bao"), _words("Bellweather,Nguyen,Wirra"), _words("{} Banjo Lane,{} Reed Street"),
        _cities("""
            Melbourne|VIC|3000
            Hobart|TAS|7000
        """),
    ),
    Country(
        "JP", 4, "JPY", "150", "800", "消費税 10%", "10", "+0900", (),
        _words("花子,健,さくら"), _words("山田,佐藤,小笠原"), _words("琴町{}-2,鼓丘{}-5"),
        _cities("""
            千代田区|JP-13|100-0001
            大阪市|JP-27|530-0001
        """),
    ),
    Country(
        "NO", 3, "NOK", "10.8", "79.00", "MVA 25%", "25", "+0100", (),
        _words("Ingrid,Håkon,Sølvi"), _words("Haugen,Ødegård,Bjørnstad"), _words("Felegata {},Langeleikveien {}"),
        _cities("""
            Oslo||0150
            Bergen||5003
        """),
    ),
    Country(
        "BG", 2, "EUR", "0.92", "6.90", "VAT 20%", "20", "+0200", (),
        _words("Мария,Невена"), _words("Иванова,Димитрова"), _words("ул. Гайдарска {},ул. Кавал {}"),
        _cities("""
            София||1000
            Пловдив||4000
        """),
    ),
)  # fmt: skip

LATIN = {
    "花子": "hanako", "健": "ken", "さくら": "sakura", "山田": "yamada", "佐藤": "sato", "小笠原": "ogasawara",
    "Мария": "maria", "Невена": "nevena", "Иванова": "ivanova", "Димитрова": "dimitrova",
    "ß": "ss", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ä": "ae", "ö": "oe", "ü": "ue", "ş": "s",
}  # fmt: skip
"""How people write their names in an e-mail address."""
