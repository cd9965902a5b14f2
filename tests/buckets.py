"""A real S3-compatible server for tests: moto, behind a proxy that can spoil answers.

`python -m tests.buckets` says whether the server can be had here. Nothing of it is needed to use sentiscore.
"""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

import pytest

from sentiscore.errors import is_installed

BUCKET: Final = "news"
Fault = Literal["503", "429", "cut", "denied", "hang"]
_HANGS_S: Final = 60
_HOP: Final = ("connection", "transfer-encoding", "content-length", "keep-alive", "date", "server")
_DENIED: Final = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_BUSY: Final = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


def missing_server() -> str:
    """Why there is no server; empty if there is one."""
    absent = [name for name in ("obstore", "moto", "flask", "boto3") if not is_installed(name)]
    return f"needs {', '.join(absent)}: pip install 'sentiscore[dev,storage]'" if absent else ""


needs_server: Final = pytest.mark.skipif(bool(missing_server()), reason=missing_server() or "there is a server")


@dataclass
class Rule:
    """What goes wrong with some requests.

    Attributes:
        fault: What is answered: an error, or half of the right answer.
        method: The method of these requests.
        path: What their path matches.
        times: How often it goes wrong.
    """

    fault: Fault
    method: str
    path: str = ""
    times: int = 1_000_000


@dataclass
class Bucket:
    """A bucket on the server.

    Attributes:
        endpoint: The address of the proxy.
        requests: The requests so far: methods and paths.
        rules: What goes wrong from now on.
        before: Called with the method and the path of each request, before it is passed on.
    """

    endpoint: str
    client: Any
    requests: list[tuple[str, str]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    before: Callable[[str, str], None] | None = None

    @property
    def options(self) -> dict[str, str]:
        """The options of sentiscore for it."""
        return {
            "endpoint": self.endpoint,
            "allow_http": "true",
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
        }

    @property
    def arguments(self) -> list[str]:
        """These options for the command line."""
        return [part for name, value in self.options.items() for part in ("--storage-option", f"{name}={value}")]

    def put(self, key: str, content: bytes) -> None:
        """Write an object, past the proxy."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """Read an object, past the proxy."""
        return bytes(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def listed(self) -> list[str]:
        """All keys, sorted."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def delete(self, key: str) -> None:
        """Remove an object, past the proxy."""
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def empty(self) -> None:
        """Remove all objects, rules and records."""
        for key in self.listed():
            self.delete(key)
        self.requests, self.rules, self.before = [], [], None

    def fault_of(self, method: str, path: str) -> Fault | None:
        """What goes wrong with a request."""
        for rule in self.rules:
            if rule.times > 0 and rule.method == method and re.search(rule.path, path):
                rule.times -= 1
                return rule.fault
        return None


@contextmanager
def serving() -> Iterator[Bucket]:
    """Start the server and the proxy."""
    import boto3
    from botocore.config import Config
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the server takes any
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    bucket = Bucket("", client)
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket, host, port))
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    bucket.endpoint = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        yield bucket
    finally:
        proxy.shutdown()
        proxy.server_close()
        client.close()
        server.stop()


def _handler(bucket: Bucket, host: str, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            bucket.requests.append((self.command, self.path))
            if bucket.before is not None:
                bucket.before(self.command, self.path)
            fault = bucket.fault_of(self.command, self.path)
            if fault == "hang":
                time.sleep(_HANGS_S)
            if fault in ("503", "429", "denied"):
                status = {"503": 503, "429": 429, "denied": 403}[fault]
                self._answer(status, [], _DENIED if fault == "denied" else _BUSY)
                return
            connection = http.client.HTTPConnection(host, port)
            connection.request(self.command, self.path, body, {**dict(self.headers), "Connection": "close"})
            answer = connection.getresponse()
            content = answer.read()
            self._answer(answer.status, answer.getheaders(), content, cut=fault == "cut")
            connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
            self.send_response(status)
            sizes = [value for name, value in headers if name.lower() == "content-length"]
            for name, value in headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            is_head = self.command == "HEAD"
            self.send_header("Content-Length", sizes[0] if is_head and sizes else str(len(content)))
            self.end_headers()
            if not is_head:
                self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.wfile.flush()
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - names of http.server

    return Handler


if __name__ == "__main__":
    print(missing_server() or "there is a server")  # noqa: T201
