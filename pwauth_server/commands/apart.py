"""Run something in a process of its own, so that what it imports is gone with it."""

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from pwauth_server.errors import ConfigError, Fault, PwauthError

T = TypeVar("T")


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what ``work`` returns, from a child process; raise ConfigError or Fault with what it says if it fails.

    Migrating imports two megabytes that a server would keep for years. Must be called while this
    process has no thread and no event loop: the child is a copy of it.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_tell, args=(work, theirs))
    child.start()
    theirs.close()
    try:
        problems, result = ours.recv()
    except EOFError as cause:  # it died, and has said why on standard error
        raise Fault("The migration failed; nothing of it was kept.") from cause
    finally:
        child.join()
    if isinstance(problems, str):
        raise Fault(problems)
    if problems:
        raise ConfigError(problems)
    return result  # type: ignore[no-any-return] # it went through a pipe


def _tell(work: Callable[[], Coroutine[Any, Any, T]], parent: Connection) -> None:
    try:
        parent.send(([], asyncio.run(work())))
    except ConfigError as error:
        parent.send((error.problems, None))
    except PwauthError as error:
        parent.send((error.detail, None))
