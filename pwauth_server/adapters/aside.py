"""Work that may hang (a name server, a network disk) in a thread that nobody has to wait for, not even the end of the process."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises.

    The threads of `asyncio.to_thread` are few, and the interpreter waits for them when it ends.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(settler: Callable[[Any], None], value: Any) -> None:
        if not answer.done():  # whoever asked may have lost patience
            settler(value)

    def run() -> None:
        with suppress(RuntimeError):  # the loop is gone
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                loop.call_soon_threadsafe(settle, answer.set_exception, error)
            else:
                loop.call_soon_threadsafe(settle, answer.set_result, result)

    Thread(target=run, name="aside", daemon=True).start()
    return await answer
