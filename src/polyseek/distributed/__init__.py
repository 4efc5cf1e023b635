"""Files to documents with their vectors, by the workers of a Ray cluster.

cluster   a connection to Ray, and how many workers it has room for
stages    what each worker does: read, cut, ask what is known, embed
job       the stages one after the other, and what comes out of them, in order

The collection is written by the process that asked, and by nothing here: a worker that is killed
costs what it was doing and no more, since whatever is done twice is stored once.
"""

from polyseek.distributed.cluster import check
from polyseek.distributed.job import job_of

__all__ = ["check", "job_of"]
