"""Real reverse proxies, set up by the very blocks of the documentation, and an app behind them that says what it got."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest

from tests.server import PATIENCE, ROOT

RECIPE = (ROOT / "docs/recipes/forward-auth.md").read_text()
needs_proxies = pytest.mark.skipif(not (shutil.which("caddy") and shutil.which("nginx")), reason="caddy or nginx is missing: install both")


class App(ThreadingHTTPServer):
    """An app that knows nothing of signing in: each of its pages is what it was told of the visitor, as JSON."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = [(name, value) for name, value in self.headers.items() if name.lower().startswith("remote")]
        body = f"<!doctype html><html lang=en><title>App</title><pre>{escape(json.dumps(told), quote=False)}</pre>".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _block(language: str, host: str, *, ours: int, app: int) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", RECIPE, re.MULTILINE | re.DOTALL)
    block = str(found).replace("app.example.com", host)
    return block.replace("127.0.0.1:3000", f"127.0.0.1:{ours}").replace("127.0.0.1:8080", f"127.0.0.1:{app}")


def _caddy(folder: Path, host: str, port: int, ours: int, app: int) -> list[str]:
    site = _block("caddy", f"http://{host}:{port}", ours=ours, app=app)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _nginx(folder: Path, host: str, port: int, ours: int, app: int) -> list[str]:
    site = _block("nginx", host, ours=ours, app=app).replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = re.sub(r"^ +ssl_.*\n", "", site, flags=re.MULTILINE)
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{head}http {{\naccess_log off;\n{places}{site}}}\n")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


PROXIES: dict[str, Callable[[Path, str, int, int, int], list[str]]] = {"caddy": _caddy, "nginx": _nginx}


@contextmanager
def proxy(kind: str, folder: Path, *, host: str, port: int, ours: int) -> Iterator[None]:
    """Run a proxy on a port for the length of a ``with`` block; behind it stands an app, and it asks the server at ``ours``."""
    app = App()
    command = PROXIES[kind](folder, host, port, ours, app.server_port)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        _wait(port, process, folder / "log")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
        app.shutdown()
        app.server_close()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = monotonic() + PATIENCE
    while monotonic() < until and process.poll() is None:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
    raise AssertionError(log.read_text())
