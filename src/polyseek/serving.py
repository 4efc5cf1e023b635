"""The command `serve`: its flags, and what starts when they are read."""

from __future__ import annotations

from polyseek import flags, report
from polyseek.settings import read_settings


def serve(
    model: flags.Model = None,
    host: flags.Host = None,
    port: flags.Port = None,
    api_key: flags.ApiKey = None,
    replicas: flags.Replicas = None,
    ray: flags.Ray = None,
    more_models: flags.MoreModels = None,
    memory_gb: flags.MemoryGb = None,
    queue_tokens: flags.QueueTokens = None,
    max_texts: flags.MaxTexts = None,
    max_body_mb: flags.MaxBodyMb = None,
    model_path: flags.ModelPath = None,
    download: flags.Download = None,
    backend: flags.Backend = None,
    device: flags.Device = None,
    precision: flags.Precision = None,
    threads: flags.Threads = None,
) -> None:
    """Serve embeddings over OpenAI's API: point any OpenAI client at http://HOST:PORT/v1.

    /docs tells what it takes, /health and /ready how it is, /metrics its figures for Prometheus.
    SIGTERM or Ctrl-C ends it once every admitted request is answered.

    With --replicas 4 four processes answer behind one address: one that dies is started again, and
    another answers what it had. With --ray they run on the machines of a Ray cluster.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    settings = read_settings(**given)
    # Imported here: it takes 0.4 s, and the other commands never need it.
    from polyseek.server import cluster, run

    start = cluster.serve if settings.ray else run.serve
    start(settings, report.serving, report.ending)
