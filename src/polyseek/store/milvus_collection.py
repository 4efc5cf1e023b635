"""A collection of Milvus as we make it: id, language, vector, and a graph over the vectors."""

from __future__ import annotations

from polyseek.errors import StoreError
from polyseek.store.milvus_server import MilvusServer

EDGES, BUILD_WIDTH = 24, 200
"""HNSW's M and efConstruction."""

GRAPH = "vector"
"""The name of the index over the vectors."""

LONGEST_CODE = 64


def prepare(server: MilvusServer, name: str, dimensions: int) -> None:
    """Make the collection if it is not there, and load it. Each step may be done twice, by two
    processes at once too.

    Raises:
        StoreError: there is one of this name that is not as we make it.
    """
    from pymilvus import DataType, MilvusClient

    if not server.ask("has_collection", name):
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("language", DataType.VARCHAR, max_length=LONGEST_CODE)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        server.insist("create_collection", name, schema=schema, consistency_level="Session")
    _check(server, name, dimensions)
    if not server.ask("list_indexes", name):
        graph = MilvusClient.prepare_index_params()
        shape = {"M": EDGES, "efConstruction": BUILD_WIDTH}
        graph.add_index(
            "vector", index_type="HNSW", index_name=GRAPH, metric_type="IP", params=shape
        )
        server.insist("create_index", name, graph)
    state = server.ask("get_load_state", name)["state"]
    if getattr(state, "name", state) != "Loaded":
        server.insist("load_collection", name)


def _check(server: MilvusServer, name: str, dimensions: int) -> None:
    fields = server.ask("describe_collection", name)["fields"]
    found = {each["name"]: each["params"].get("dim") for each in fields}
    if set(found) != {"id", "language", "vector"}:
        raise StoreError(
            f"{server.address} has a collection {name} that is not ours (it holds "
            f"{', '.join(found)}): take another name"
        )
    if int(found["vector"]) != dimensions:
        raise StoreError(
            f"{name} in {server.address} has {found['vector']} dimensions, wanted "
            f"{dimensions}: open it with the model it was made with, or take another name"
        )
