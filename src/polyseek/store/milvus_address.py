"""Where a Milvus is, and what of ours is in it: milvus://[LOGIN@]HOST:PORT/NAME."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from polyseek.errors import BadInput

SCHEMES = {"milvus": "http", "milvus+tls": "https"}
PORT = 19530

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
"""Milvus takes 255 of these characters; the rest is room for what is put after a name."""

FORM = "milvus://[USER:PASSWORD@ or TOKEN@]HOST:PORT/NAME (milvus+tls:// where the server has TLS)"


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """A server, a name in it, and what lets one in. `str` is fit to be shown."""

    scheme: str
    host: str
    port: int
    name: str
    token: str = field(default="", repr=False)
    """USER:PASSWORD or a token, decoded; empty where the server asks for none."""

    @property
    def uri(self) -> str:
        """As pymilvus takes it, without what is secret."""
        return f"{SCHEMES[self.scheme]}://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self._place}/{self.name}"


def milvus_address(url: str) -> MilvusAddress:
    """Read an address. What is special in a password or a token is written as %XX.

    Raises:
        BadInput: it is not one. The message quotes nothing that may be a secret.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise BadInput(f"an address of Milvus begins with milvus://, as in {FORM}")
    login, at, place = rest.rpartition("@")
    if set("@/?#") & set(login):
        raise BadInput(
            "what stands before the host has a character that has to be written as %XX (@ as %40, "
            f"/ as %2F, ? as %3F, # as %23): {FORM}"
        )
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError as error:
        raise BadInput(f"{place!r} is no host with a port: {FORM}") from error
    name = parts.path.removeprefix("/")
    if not host or parts.query or parts.fragment or (at and not login):
        raise BadInput(f"{place!r} is no place of a knowledge base in Milvus: {FORM}")
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is no name for Milvus, which takes up to 100 letters of a to z, digits and "
            f"_, no digit first: {FORM}"
        )
    return MilvusAddress(scheme, host, port, name, unquote(login))
