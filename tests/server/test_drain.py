"""`kill -TERM` under load: whoever was admitted is answered, and then the server ends."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from server.conftest import until
from server.process import MAIN, Client, started

TOY = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from toy import toy_embedder, toy_spec
from polyseek.engine.queue import Queue
from polyseek.models.spec import SPECS
from polyseek.server import run
SPECS["toy"], embedder, admitted = toy_spec(), toy_embedder(), []
forward, serve, submit = embedder.forward, run.serve, Queue.submit
class Slow:
    precision, batch_tokens, lanes = forward.precision, forward.batch_tokens, forward.lanes
    def pooled(self, rows):
        time.sleep(0.02)
        return forward.pooled(rows)
embedder.forward = Slow()
def counted(self, rows):
    job = submit(self, rows)
    admitted.append(job)
    return job
Queue.submit = counted
run.serve = lambda *told: serve(*told, lambda *_, **__: embedder)
try:
    {MAIN}
finally:
    print(len(admitted), sum(job.done.done() for job in admitted), file=sys.stderr)
"""
CLIENTS = 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_every_admitted_request_is_answered(number: signal.Signals) -> None:
    with started("--model", "toy", "--threads", "1", program=TOY) as process:
        clients = [Client(process.address, n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        until(lambda: all(client.answered > 2 for client in clients))
        process.popen.send_signal(number)
        for client in clients:
            client.join(30)
        assert process.popen.wait(30) == 0
        assert process.popen.stderr
        ending, counts = process.popen.stderr.read().splitlines()
        admitted, done = map(int, counts.split())
    left = re.fullmatch(r"ending: answering what was admitted, (\d+) requests? left", ending)
    assert left
    assert 1 <= int(left[1]) <= CLIENTS
    assert [told for client in clients for told in client.wrong] == []
    answered = sum(client.answered for client in clients)
    assert answered > 2 * CLIENTS
    assert admitted == done == answered + 1  # and the one that warmed it


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with (
            pytest.raises(AssertionError, match=f"error: cannot listen on 127.0.0.1 port {port}: "),
            started("--port", port),
        ):
            pass


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with (
        pytest.raises(AssertionError, match=r"error: .* holds a model of type 'gpt2'"),
        started("--model-path", str(tmp_path)),
    ):
        pass
