"""Ray Serve: the same server as replicas of a cluster."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from polyseek.distributed import cluster as connection
from polyseek.errors import BadInput
from polyseek.server import cluster
from polyseek.settings import read_settings
from server.on_ray import TEXTS
from server.process import LINE
from toy import toy_embedder

APART = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc"]
APART.append("--kill-child")
"""A network and processes of their own: nobody else can reach them, and none is left over."""
TESTS = Path(__file__).parents[1]


@pytest.mark.ray
def test_a_cluster_of_one_machine(tmp_path: Path) -> None:
    if not find_spec("ray"):
        pytest.skip("Ray is not installed: pip install 'polyseek[ray]'")
    if not shutil.which("unshare") or subprocess.run([*APART, "true"]).returncode:
        pytest.skip("Ray listens on all interfaces, and no private network can be had here")
    script = 'ip link set lo up && exec "$0" "$1"'
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [*APART, "sh", "-c", script, sys.executable, str(TESTS / "server" / "on_ray.py")],
        env={**os.environ, "PYTHONPATH": paths, "HOME": str(tmp_path)},  # Ray keeps a token there
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert re.match(LINE, seen["told"])
    np.testing.assert_allclose(seen["vectors"], toy_embedder().embed(TEXTS, "passage"), atol=1e-6)
    assert seen["replicas"] == 2
    assert (seen["health"], seen["ready"]) == ({"status": "ok"}, {"status": "ready"})
    assert seen["wrong"] == "invalid_value"
    assert seen["left"] > 0
    assert seen["last"] == [200] * 8
    assert seen["exit"] == 0


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_module", lambda name: None)
    with pytest.raises(BadInput, match=r"ray is 'auto', .*pip install 'polyseek\[ray\]'"):
        cluster.serve(read_settings(ray="auto"), lambda *_: None, lambda left: None)


def test_a_port_is_needed() -> None:
    with pytest.raises(BadInput, match=r"port is 0, .* give --port"):
        cluster.serve(read_settings(ray="auto", port=0), lambda *_: None, lambda left: None)


@pytest.mark.parametrize(
    ("cores", "replicas", "each"),
    [
        ([8], 1, 8),
        ([8], 2, 4),
        ([8], 3, 2),
        ([8, 8], 2, 8),
        ([8, 4], 2, 4),
        ([8, 4], 3, 4),
        ([16, 16, 4], 8, 4),
        ([2], 4, 1),
        ([], 1, 1),
    ],
)
def test_cores_of_each_replica(cores: list[int], replicas: int, each: int) -> None:
    """Of one machine each, and as many as there are for all."""
    assert cluster.each_gets(cores, read_settings(replicas=replicas)) == each
