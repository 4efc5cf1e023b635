"""What a file states about itself, in the form the catalog keeps."""

from __future__ import annotations

import re
from pathlib import PurePosixPath


def language_code(tag: str) -> str:
    """The ISO 639-1 code of a language tag: "pt-BR" and "PT_br" give "pt"; "" if there is none.

    Three-letter codes give "": most have a two-letter one that the text will be found to be in.
    """
    primary = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return primary if re.fullmatch(r"[a-z]{2}", primary) else ""


def file_name(path: str) -> str:
    """The last part of a name in the collection: the title of a file that states none."""
    return PurePosixPath(path).name
