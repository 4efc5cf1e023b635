"""Text → chunks: structure (text → spans with levels), then packing within a token budget.

structure   a document's sections; markdown: its blocks
split       one level down: code, tables, sentences, words
heads       which heading path a passage carries
fit, pack   pieces that fit, and where to cut between them
prose       the sentences of a passage
chunker     a way to cut, under a name
"""

from polyseek.chunking.chunk import chunk
from polyseek.chunking.chunker import STRUCTURE, Chunker
from polyseek.chunking.prose import passage_sentences

__all__ = ["STRUCTURE", "Chunker", "chunk", "passage_sentences"]
