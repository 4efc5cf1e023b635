"""Where a Milvus is: what is read, and what is never said."""

from __future__ import annotations

import pytest

from polyseek.errors import BadInput
from polyseek.store.milvus_address import MilvusAddress, milvus_address

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "wanted", "uri"),
    [
        ("milvus://db:1/kb", MilvusAddress("milvus", "db", 1, "kb"), "http://db:1"),
        ("milvus://db/kb", MilvusAddress("milvus", "db", 19530, "kb"), "http://db:19530"),
        (
            "milvus://[::1]:19530/_Kb9",
            MilvusAddress("milvus", "::1", 19530, "_Kb9"),
            "http://[::1]:19530",
        ),
        (
            "milvus://root:p%40ss%3A%2F密@10.0.0.1:19530/kb",
            MilvusAddress("milvus", "10.0.0.1", 19530, "kb", "root:p@ss:/密"),
            "http://10.0.0.1:19530",
        ),
        (
            "milvus+tls://tok-en_1@cloud.example:443/kb",
            MilvusAddress("milvus+tls", "cloud.example", 443, "kb", "tok-en_1"),
            "https://cloud.example:443",
        ),
    ],
)
def test_an_address_is_read(url: str, wanted: MilvusAddress, uri: str) -> None:
    found = milvus_address(url)
    assert found == wanted
    assert found.uri == uri


def test_it_is_shown_without_what_is_secret() -> None:
    found = milvus_address(f"milvus://root:{SECRET}@db:1/kb")
    assert str(found) == "milvus://db:1/kb"
    assert SECRET not in repr(found)
    assert str(milvus_address("milvus://[::1]:2/kb")) == "milvus://[::1]:2/kb"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://db:1/kb", "begins with milvus://"),
        ("milvus:db", "begins with milvus://"),
        ("milvus://db:1", "'' is no name"),
        ("milvus://db:1/", "'' is no name"),
        ("milvus://db:1/a-b", "'a-b' is no name"),
        ("milvus://db:1/知识", "'知识' is no name"),
        ("milvus://db:1/1a", "'1a' is no name"),
        ("milvus://db:1/a/b", "'a/b' is no name"),
        (f"milvus://db:1/{'a' * 101}", "is no name"),
        ("milvus:///kb", "is no place"),
        ("milvus://db:1/kb?x=1", "is no place"),
        ("milvus://db:1/kb#x", "is no place"),
        ("milvus://@db:1/kb", "is no place"),
        ("milvus://db:port/kb", "is no host with a port"),
        ("milvus://db:70000/kb", "is no host with a port"),
        ("milvus://[::1/kb", "is no host with a port"),
    ],
)
def test_what_is_none_is_refused(url: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        milvus_address(url)


@pytest.mark.parametrize(
    "url",
    [
        f"milvus://root:{SECRET}/x@db:1/kb",
        f"milvus://root:{SECRET}@x@db:1/kb",
        f"milvus://root:{SECRET}@db:port/kb",
        f"milvus://root:{SECRET}@db:1/a-b",
        f"milvus://root:{SECRET}?@db:1/kb",
        f"http://root:{SECRET}@db:1/kb",
    ],
)
def test_no_refusal_quotes_a_secret(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        milvus_address(url)
    assert SECRET not in str(caught.value)
