"""What the demo's music shop sells: real kinds of things, invented makers, prices in US dollars."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Product(NamedTuple):
    """A thing on the shelf."""

    sku: str
    name: str
    maker: str
    price: Decimal


def _shelf(maker: str, prefix: str, goods: str) -> tuple[Product, ...]:
    lines = [line.rsplit(" ", 1) for line in goods.strip().splitlines()]
    return tuple(Product(f"{prefix}-{1000 + at}", name.strip(), maker, Decimal(price)) for at, (name, price) in enumerate(lines, 1))


CATALOG = (
    *_shelf(
        "Tamarack Guitars",
        "TG",
        """
        Dreadnought acoustic guitar "Harvest", spruce and mahogany 649.00
        Classical guitar "Alba", cedar top 429.00
        Electric guitar "Nightjar", sunburst 899.00
        Tenor ukulele, acacia 159.00
        Mandolin, A style 319.00
        """,
    ),
    *_shelf(
        "Copper Finch Strings",
        "CF",
        """
        Phosphor bronze strings, light, 12-53 12.95
        Nickel electric strings, 10-46 8.50
        Violin strings, full set 38.00
        Cello string A, steel core 24.50
        Bass strings, long scale, 45-105 26.00
        """,
    ),
    *_shelf(
        "Weir & Daughter",
        "WD",
        """
        Student violin outfit, 4/4 289.00
        Violin bow, carbon fiber 145.00
        Dark rosin, cloth bound 9.75
        Chin rest, boxwood 31.00
        Folding shoulder rest 27.40
        """,
    ),
    *_shelf(
        "Northlight Audio",
        "NA",
        """
        Instrument cable, 6 m 24.00
        Two-channel audio interface 139.00
        Condenser microphone with shock mount 189.00
        Closed studio headphones 99.00
        Clip-on tuner 14.90
        Practice amplifier, 10 W 119.00
        """,
    ),
    *_shelf(
        "Hollow Oak Percussion",
        "HO",
        """
        Cajon, birch 129.00
        Hickory drumsticks, 5A, pair 10.95
        Ride cymbal, 20 inch 219.00
        Egg shakers, pair 5.80
        Djembe, 12 inch, rope tuned 179.00
        """,
    ),
    *_shelf(
        "Penny Reed Winds",
        "PR",
        """
        Soprano recorder, pear wood 69.00
        Clarinet reeds, strength 2.5, box of ten 27.50
        Tin whistle in D 13.50
        Alto saxophone neck strap 22.00
        Diatonic harmonica in C 34.00
        Cork grease 3.90
        """,
    ),
    *_shelf(
        "Quaver House",
        "QH",
        """
        Songbook "Songs from the Pier" 21.00
        Études for violin, book one 16.80
        First steps at the piano 18.50
        Blank staff paper, 96 pages 7.25
        Fingerstyle method with recordings 24.95
        """,
    ),
    *_shelf(
        "Halyard Music",
        "HM",
        """
        Guitar setup and restring 65.00
        Gig bag, padded, dreadnought 49.00
        Music stand, folding 29.00
        Leather strap, walnut 42.00
        Gift card 50.00
        Capo, spring loaded 12.40
        """,
    ),
)
