"""Work that may hang, beside the event loop."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pwauth_server.adapters.aside import aside

HANGING = """
import asyncio, threading
from pwauth_server.adapters.aside import aside

async def main():
    try:
        async with asyncio.timeout(0.01):
            await aside(threading.Event().wait)
    except TimeoutError:
        print("left")

asyncio.run(main())
"""


async def test_what_comes_of_it_comes_back() -> None:
    """A result, or what was raised; and the loop goes on meanwhile."""
    done = threading.Event()
    waiting = asyncio.create_task(aside(lambda: done.wait(10)))
    assert await aside(threading.current_thread) is not threading.current_thread()
    done.set()
    assert await waiting
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_whoever_loses_patience_leaves() -> None:
    """What comes later is nobody's any more, an error included."""
    done = threading.Event()

    def late() -> None:
        done.wait(10)
        raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await aside(late)
    done.set()
    assert await aside(lambda: 1) == 1


def test_the_end_of_the_process_waits_for_nothing() -> None:
    """A name server that never answers must not hold up a restart."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    assert (done.stdout, done.stderr) == ("left\n", "")
