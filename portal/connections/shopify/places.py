"""Addresses of Shopify's files in the words of our own address form."""

from __future__ import annotations

from portal.addresses.country_names import country_code
from portal.connections.shopify.customers import PostalAddress


def typed(address: PostalAddress) -> dict[str, str]:
    """The filled parts of an address by the names that our form has for them, and its country; nothing if it names no place."""
    if address.is_empty:
        return {}
    parts = {
        "name": address.name,
        "company": address.company,
        "line1": address.address1,
        "line2": address.address2,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "phone": address.phone,
    }
    return {"country": country_code(address.country) or address.country, **{name: part for name, part in parts.items() if part}}
