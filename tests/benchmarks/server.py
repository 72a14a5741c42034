"""A bare loopback server that streams chat completion chunks as fast as sockets take them; never the bottleneck."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"x-portkey-provider: openai\r\nx-portkey-trace-id: bench\r\n\r\n"
)


def _event(delta: dict[str, object], finish_reason: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-0123456789abcdefghijklmnopqrs",
        "object": "chat.completion.chunk",
        "created": 1795388688,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        "usage": None,
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def writes(chunks: int, per_write: int) -> list[bytes]:
    """Return the writes of one answer: each one HTTP chunk of ``per_write`` events of about 300 bytes."""
    events = [_event({"content": " word"}) for _ in range(chunks - 1)] + [_event({}, "stop")]
    grouped = [_framed(b"".join(events[at : at + per_write])) for at in range(0, chunks, per_write)]
    return [*grouped, _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


def _serve(connection: socket.socket, prepared: dict[str, list[bytes]]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = b""
    try:
        while True:
            while b"\r\n\r\n" not in buffer:
                data = connection.recv(65536)
                if not data:
                    return
                buffer += data
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            while len(buffer) < length:
                buffer += connection.recv(65536)
            body, buffer = buffer[:length], buffer[length:]
            # The model's name says what is wanted: CHUNKSxPER_WRITE.
            wanted = json.loads(body)["model"]
            if wanted not in prepared:
                chunks, per_write = wanted.split("x")
                prepared[wanted] = writes(int(chunks), int(per_write))
            connection.sendall(HEAD)
            for data in prepared[wanted]:
                connection.sendall(data)
    except OSError:
        pass
    finally:
        connection.close()


def main() -> None:
    """Serve until the standard input is closed; the first line of output is the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    prepared: dict[str, list[bytes]] = {}
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, prepared), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


@contextmanager
def running() -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main()
