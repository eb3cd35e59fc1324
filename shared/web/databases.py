"""The databases that a route finds on its application, as dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from shared.db import Database

# Coroutines, because FastAPI would send plain functions to a thread, at more than their own cost.


async def _app(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _worker(request: Request) -> Database:
    database: Database = request.app.state.worker_database
    return database


# Shows the rows of one transaction's tenant alone; the worker's shows those of all, for the operator.
AppDatabase = Annotated[Database, Depends(_app)]
WorkerDatabase = Annotated[Database, Depends(_worker)]
