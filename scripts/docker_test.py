"""Build the image, run it as the compose file does, and sign somebody in: `make docker-test`, as root on Debian.

No Docker is needed: buildah builds on a base that debootstrap makes, and namespaces stand in for the engine.
The container gets a read-only root, uid 10001, no capability, one volume, one secret file and the SMTP server
of the tests, which runs outside.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx

from tests.people import Person
from tests.server import PATIENCE, ROOT, MailServer, free_port

BASE, IMAGE = "localhost/pwauth-test-base", "localhost/pwauth-test"
NEEDED = ("buildah", "debootstrap", "unshare", "nsenter")
#: What this machine trusts is trusted while the image is built: downloads may pass a proxy with its own authority.
TRUST = "/etc/ssl/certs/ca-certificates.crt"
UID = 10001
LARGEST_MB = 200
LONGEST_STOP = 10.0
TOKEN = "a-token-of-the-container-test"
#: What the official slim images leave out as well.
LEFT_OUT = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")

#: What an engine does before it starts a program. $1 is the image's root, $2 the volume, $3 the secrets.
ENGINE = """
set -eu
mount --bind "$1" "$1"
mount --bind "$2" "$1/data"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/run"
mkdir "$1/run/secrets"
mount --bind "$3" "$1/run/secrets"
mount -o remount,bind,ro "$1"
root=$1
shift 3
exec chroot "$root" "$@"
"""


def buildah(*arguments: str, quiet: bool = True) -> str:
    """Run buildah; return what it printed."""
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(["buildah", *arguments], cwd=ROOT, env=environment, stdout=output, text=True, check=True)
    return (done.stdout or "").strip()


def make_base() -> None:
    """Make a small Debian with Python, in the place of the base that a registry would serve."""
    if buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        return
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    with TemporaryDirectory() as folder:
        include = "--include=ca-certificates,python3-venv"
        command = ["debootstrap", "--variant=minbase", include, release["VERSION_CODENAME"].strip('"'), folder]
        subprocess.run(command, check=True)
        for name in LEFT_OUT:
            for path in (Path(folder) / name).iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        container = buildah("from", "scratch")
        buildah("add", container, folder, "/")
        buildah("commit", "--quiet", container, BASE)
        buildah("rm", container)


@contextmanager
def unpacked(image: str) -> Iterator[Path]:
    """Yield the root folder of an image."""
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


def megabytes(root: Path) -> float:
    """Return the size of everything below a folder."""
    done = subprocess.run(["du", "-sb", str(root)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0]) / 1e6


class Container:
    """A running image; looks to `Person` like any server."""

    def __init__(self, root: Path, config: dict[str, Any], folder: Path) -> None:
        """Prepare volume, secret and environment as the compose file does."""
        self.root, self.config, self.mail, self.port = root, config, MailServer(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.volume, self.secrets = folder / "volume", folder / "secrets"
        self.volume.mkdir(mode=0o700)
        os.chown(self.volume, UID, UID)
        self.secrets.mkdir(mode=0o755)
        (self.secrets / "metrics_token").write_text(TOKEN + "\n")
        settings = {
            "server_port": self.port, "public_url": f"http://localhost:{self.port}", "smtp_host": "127.0.0.1",
            "smtp_port": self.mail.port, "smtp_tls": "plain", "metrics_token_file": "/run/secrets/metrics_token",
        }  # fmt: skip
        self.environment = [*config["Env"], *(f"PWAUTH_{name.upper()}={value}" for name, value in settings.items())]
        self.process: subprocess.Popen[bytes] | None = None
        self.log: list[dict[str, Any]] = []

    def inside(self, words: Sequence[str]) -> list[str]:
        """Return the command that does something as the user, in the folder and with the environment of the image."""
        drop = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        drop += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        return ["/usr/bin/env", "-i", "-C", self.config["WorkingDir"], *self.environment, *drop, *words]

    def start(self) -> float:
        """Start what the image starts; return after how many seconds it served."""
        began, ready = perf_counter(), threading.Event()
        words = self.inside([*self.config["Entrypoint"], *self.config["Cmd"]])
        engine = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENGINE, "sh"]
        command = [*engine, str(self.root), str(self.volume), str(self.secrets), *words]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        threading.Thread(target=self._listen, args=(ready,), daemon=True).start()
        ready.wait(PATIENCE)
        assert self.log, "nothing was logged"
        assert self.log[-1]["event"] == "ready", self.log
        return perf_counter() - began

    def _listen(self, ready: threading.Event) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            print("  |", line.decode().rstrip())
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == "ready":
                ready.set()
        ready.set()

    @property
    def pid(self) -> int:
        """Return the number of the container's first process, seen from outside."""
        assert self.process is not None
        parent = self.process.pid
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text())

    def run(self, *words: str) -> int:
        """Run something beside the server; return its exit code."""
        command = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", *self.inside(words)]
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode

    def stop(self) -> tuple[int, float]:
        """Stop it as an engine does; return the exit code and the seconds it took."""
        assert self.process is not None
        began = perf_counter()
        os.kill(self.pid, getattr(signal, self.config.get("StopSignal", "SIGTERM")))
        return self.process.wait(PATIENCE), perf_counter() - began

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        self.mail.shutdown()
        self.mail.server_close()


def check(name: str, *, holds: bool, seen: object = "") -> None:
    """Say what was seen; leave with exit code 1 if it is not as it should be."""
    print(f"{'ok  ' if holds else 'FAIL'} {name}{f': {seen}' if seen != '' else ''}")
    if not holds:
        sys.exit(1)


def look_at(root: Path, config: dict[str, Any]) -> None:
    """Check what the image says of itself."""
    with unpacked(BASE) as base:
        size, of_base = megabytes(root), megabytes(base)
    check(f"at most {LARGEST_MB} MB", holds=size <= LARGEST_MB, seen=f"{size:.0f} MB, of which {size - of_base:.0f} MB are ours")
    check("not root", holds=config["User"] == f"{UID}:{UID}", seen=config["User"])
    owner = (root / "data").stat()
    check("a new volume is private to that user", holds=(owner.st_uid, oct(owner.st_mode & 0o777)) == (UID, "0o700"))
    ours = [path for path in (root / "opt/venv").rglob("*") if not path.is_symlink() and path.stat().st_uid]
    check("the program belongs to root", holds=ours == [], seen=ours[:3] or "")
    leftovers = [name for name in ("pip", "hatchling", "setuptools") if list(root.glob(f"opt/venv/lib/python3*/site-packages/{name}"))]
    check("no installer is left", holds=not leftovers, seen=leftovers or "")


def journey(container: Container) -> None:
    """Start, sign in, restart, go on."""
    check("starts", holds=True, seen=f"{container.start():.1f} s")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{container.pid}/status").read_text().splitlines() if ":\t" in line)
    check(f"runs as {UID}", holds=set(status["Uid"].split()) == {str(UID)})
    powers = {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")}
    check("has no capability and gets none", holds=powers == {0} and status["NoNewPrivs"] == "1")
    check("is the first process, so that signals reach it", holds=status["NSpid"].split()[-1] == "1")
    check("its root is read-only", holds=container.run("touch", "/etc/pwauth/x") != 0 and container.run("touch", "/data/x") == 0)
    probe = container.config["Healthcheck"]["Test"]
    check("is healthy", holds=probe[0] == "CMD" and container.run(*probe[1:]) == 0, seen=" ".join(probe))
    device = Person(container).sign_in()  # type: ignore[arg-type] # as far as people can tell
    check("signs in by magic link", holds=device.get("/me").status_code == httpx.codes.OK, seen=device.get("/me").json()["email"])
    told = [httpx.get(f"{container.url}/metrics", headers=headers).status_code for headers in ({}, {"authorization": f"Bearer {TOKEN}"})]
    check("shows metrics to the bearer of the secret file", holds=told == [401, 200], seen=told)
    code, seconds = container.stop()
    check(f"stops in at most {LONGEST_STOP:.0f} s", holds=code == 0 and seconds <= LONGEST_STOP, seen=f"exit {code}, {seconds:.1f} s")
    container.start()
    check("remembers the session in its volume", holds=device.refresh().status_code == httpx.codes.OK)
    container.run("sh", "-c", "rm /data/x")
    seen = sorted(f"{path.relative_to(container.volume)} {oct(path.stat().st_mode & 0o777)}" for path in container.volume.rglob("*"))
    check("its files are its own", holds=all(path.stat().st_uid == UID for path in container.volume.rglob("*")), seen=seen)
    check("stops again", holds=container.stop()[0] == 0)


def main() -> None:
    """Build, look, run."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid():
        sys.exit(f"make docker-test needs root and {', '.join(missing) or 'nothing else'} (apt-get install buildah debootstrap)")
    make_base()
    options = ["--format", "docker", "--layers", "--pull-never", "--volume", f"{TRUST}:{TRUST}:ro", "--build-arg", f"BASE={BASE}"]
    buildah("build", *options, "--tag", IMAGE, ".", quiet=False)
    config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    with unpacked(IMAGE) as root, TemporaryDirectory() as folder:
        look_at(root, config)
        Path(folder).chmod(0o755)
        container = Container(root, config, Path(folder))
        try:
            journey(container)
        finally:
            container.end()


if __name__ == "__main__":
    main()
