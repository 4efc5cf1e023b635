"""Files to documents: which files there are, what their bytes say, and the way back to them."""

from polyseek.documents.files import Found, find, origin
from polyseek.documents.formats import READERS
from polyseek.documents.load import fetch, parse, read
from polyseek.documents.positions import Positions

__all__ = ["READERS", "Found", "Positions", "fetch", "find", "origin", "parse", "read"]
