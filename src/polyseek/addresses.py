"""What an address says without being looked up."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a name or address can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_clear(url: str) -> bool:
    """Whether it is clear where user and password end: one @ at most before what is asked, and the
    first / after it. What a program makes of others it may quote in its errors, secrets and all."""
    _, _, rest = url.partition("://")
    login, at, _ = rest.partition("?")[0].rpartition("@")
    return not (set("@/#") & set(login)) if at else "@" not in rest


def without_secrets(url: str) -> str:
    """The address without user, password and options, to be shown."""
    scheme, found, rest = url.partition("://")
    if not found:
        return "…"
    before, _, after = rest.partition("?")
    if "@" in after or not is_clear(url):
        return f"{scheme}://…"
    return f"{scheme}://{before.rpartition('@')[2]}"
