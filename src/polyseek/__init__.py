"""polyseek: search documents in any mix of languages with a question in any language."""

from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.errors import PolyseekError
from polyseek.ingest import IndexReport
from polyseek.knowledge_base import KnowledgeBase, Status
from polyseek.models.spec import ModelSpec
from polyseek.review import VersionsReport
from polyseek.settings import Settings
from polyseek.types import Chunk, Document, Hit

__version__ = "0.1.0"

__all__ = [
    "Chunk",
    "Document",
    "Embedder",
    "Hit",
    "IndexReport",
    "KnowledgeBase",
    "ModelSpec",
    "PolyseekError",
    "Settings",
    "Status",
    "VersionsReport",
    "load",
]
