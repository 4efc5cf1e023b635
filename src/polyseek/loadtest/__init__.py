"""Load for any OpenAI-compatible embeddings endpoint, and what it answers under it.

    plan.py     what is to be done, and to which address
    texts.py    what is asked: never the same text twice, or the user's own
    client.py   one request over one connection
    lines.py    the connections of a step
    answers.py  what an answer says: tokens, or why there are no vectors
    first.py    before the load: the address, the model, the length of its texts
    load.py     a step: so many callers, or so many requests a second
    figures.py  what a step saw, in numbers
    memory.py   what the server takes meanwhile
    run.py      the first answers, then step after step
    chart.py    latency over throughput, as SVG

It imports nothing of the server or the engine: what it measures is what a client sees.
"""
