"""A whole knowledge base as Parquet files, and back, without embedding anything again.

    from polyseek.transfer import export, load

    export(kb, Path("copy"))          # a directory that is not there yet
    load(other, Path("copy"))         # another knowledge base, empty; it publishes its indexes

The files are described in docs/export.md. pyarrow, which is optional, is imported in columns.py
and files.py alone, inside the functions that need it.
"""

from polyseek.transfer.export import export
from polyseek.transfer.load import Loaded, load
from polyseek.transfer.manifest import Manifest

__all__ = ["Loaded", "Manifest", "export", "load"]
