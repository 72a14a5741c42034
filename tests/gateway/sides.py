"""The blocking and the asynchronous client behind one face, so that one test is said of both."""

from __future__ import annotations

import asyncio
from typing import Any

from portkey_nb import AsyncPortkey, Portkey

MESSAGES = [{"role": "user", "content": "Say this is a test"}]


class Blocking:
    """The blocking client."""

    kind = Portkey

    def __enter__(self) -> Blocking:
        self.clients: list[Any] = []
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()

    def client(self, **options: Any) -> Any:
        made = Portkey(**options)
        self.clients.append(made)
        return made

    def create(self, client: Any, **params: Any) -> Any:
        return client.chat.completions.create(**{"messages": MESSAGES, "model": "m", **params})

    def next(self, stream: Any) -> Any:
        return next(stream)

    def read(self, stream: Any) -> list[Any]:
        return list(stream)

    def final(self, stream: Any) -> Any:
        return stream.get_final_completion()

    def close(self, stream: Any) -> None:
        stream.close()

    def first_in_block(self, stream: Any) -> Any:
        with stream as entered:
            return next(iter(entered))

    def models(self, client: Any) -> Any:
        return client.models.list()


class Asynchronous:
    """The asynchronous client, on one event loop for a whole test."""

    kind = AsyncPortkey

    def __enter__(self) -> Asynchronous:
        self.clients: list[Any] = []
        self.runner = asyncio.Runner()
        self.runner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            self.runner.run(client.close())
        self.runner.close()

    def client(self, **options: Any) -> Any:
        made = AsyncPortkey(**options)
        self.clients.append(made)
        return made

    def create(self, client: Any, **params: Any) -> Any:
        return self.runner.run(client.chat.completions.create(**{"messages": MESSAGES, "model": "m", **params}))

    def next(self, stream: Any) -> Any:
        async def one() -> Any:
            return await anext(stream)

        return self.runner.run(one())

    def read(self, stream: Any) -> list[Any]:
        async def every() -> list[Any]:
            return [chunk async for chunk in stream]

        return self.runner.run(every())

    def final(self, stream: Any) -> Any:
        return self.runner.run(stream.get_final_completion())

    def close(self, stream: Any) -> None:
        self.runner.run(stream.close())

    def first_in_block(self, stream: Any) -> Any:
        async def entered() -> Any:
            async with stream as inside:
                return await anext(aiter(inside))

        return self.runner.run(entered())

    def models(self, client: Any) -> Any:
        return self.runner.run(client.models.list())


Side = Blocking | Asynchronous
