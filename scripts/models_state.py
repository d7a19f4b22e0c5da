#!/usr/bin/env python3
"""Print MODELS_STATE for the next migration: .venv/bin/python scripts/models_state.py."""

import asyncio

from aerich.utils import get_formatted_compressed_data, get_models_describe
from tortoise.context import TortoiseContext

from pwauth_server.store.connect import MODELS
from pwauth_server.store.migrate import APP


async def main() -> None:
    """Describe the models as they are; no database is needed."""
    with TortoiseContext() as context:
        await context.init(db_url="sqlite://:memory:", modules={APP: [*MODELS, "aerich.models"]})
        print(f"MODELS_STATE = (\n    {get_formatted_compressed_data(get_models_describe(APP))}\n)")


asyncio.run(main())
