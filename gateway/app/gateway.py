"""Runs a gateway: builds every part from the configuration, starts, drains, closes."""

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from gateway.app.admin import build_admin
from gateway.app.drain import Drain
from gateway.app.listeners import Addresses
from gateway.app.parts import build_parts
from gateway.app.reload import Reload
from gateway.app.secrets import WrongEnvironment
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.telemetry.logging import configure
from gateway.telemetry.ports import LogStream


async def run(
    config: Config,
    *,
    stop: asyncio.Event,
    started: Callable[[Addresses], object],
    reload: asyncio.Event | None = None,
    environ: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Run a gateway until `stop` is set and what was accepted is finished.

    Args:
        config: Checked by the loader.
        stop: Begins the drain.
        started: Called once, when the sockets listen.
        reload: When set, secrets and certificates are read again.
        environ: Where provider `env` looks; by default the process's own.
        quiet: Log no requests.

    Raises:
        OSError: A socket cannot be bound.
        WrongEnvironment: The credential belongs to another environment. Nothing was
            sent.
    """
    with closing(configure(config.telemetry)) as lines:
        environ = os.environ if environ is None else environ
        gateway = Gateway(config, environ, lines, quiet=quiet)
        try:
            await gateway.check_environment()
            if stop.is_set():
                return  # asked to stop before anything was accepted
            addresses = await gateway.start()
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(job) for job in gateway.jobs(reload)]
                started(addresses)
                _freeze_memory()
                await stop.wait()
                await gateway.drain()
                for task in background:
                    task.cancel()
        finally:
            await gateway.close()


class Gateway:
    """One gateway: its parts, their start and their end."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        lines: LogStream,
        *,
        quiet: bool,
    ) -> None:
        """Build every part; nothing is bound, read or sent yet. Inside a running loop.

        Args:
            config: Checked by the loader.
            environ: Where secrets provider `env` looks.
            lines: Takes the log.
            quiet: Log no requests.
        """
        self._parts = parts = build_parts(
            config,
            environ,
            clock=SystemClock(),
            lines=lines,
            quiet=quiet,
            horizon=lambda: self._drain.ends,
        )
        self._reload = Reload(parts.secrets, parts.listeners.certificates)
        self._admin = build_admin(config, parts, self._reload)
        self._drain = Drain(
            options=config.drain,
            clock=parts.clock,
            health=parts.health,
            boundary=parts.pipeline.stages.boundary,
            admission=parts.pipeline.stages.admission,
            listeners=parts.listeners,
            inbox=parts.persistence.inbox,
            log=parts.telemetry.log,
        )

    async def check_environment(self) -> None:
        """Read the secrets once, before any connection to Dinie.

        A provider that is away does not stop the start: it is read again and again.

        Raises:
            WrongEnvironment: The secrets belong to another environment.
        """
        await self._parts.secrets.refresh("start")
        if faults := self._parts.secrets.faults:
            raise WrongEnvironment("\n".join(faults))

    async def start(self) -> Addresses:
        """Bind the addresses, load what was known before, then serve; return where.

        Raises:
            OSError: An address is in use. Nothing was touched that another gateway of
                the same configuration could notice.
        """
        parts = self._parts
        parts.listeners.bind()
        await parts.persistence.open()
        proxy = parts.pipeline.proxy
        return await parts.listeners.start(proxy, self._admin, proxy.refuse_unread)

    def jobs(self, reload: asyncio.Event | None) -> list[Any]:
        """Return the coroutines that run beside the listeners.

        Args:
            reload: When set, secrets and certificates are read again; None: never.
        """
        parts = self._parts
        jobs = [
            parts.secrets.run(),
            parts.tokens.current.run(),
            parts.tokens.canary_source.run(),
            parts.health.run(),
            parts.telemetry.log.run(parts.clock),
            *parts.persistence.jobs(),
            parts.pipeline.stages.admission.spool.run(parts.clock),
        ]
        if reload is not None:
            jobs.append(self._reload.run(reload))
        return jobs

    async def drain(self) -> None:
        """Finish what was accepted."""
        await self._drain.run()

    async def close(self) -> None:
        """Close sockets, connections and files."""
        await self._drain.close()
        await self._parts.close()


def _freeze_memory() -> None:
    """Exempt what was built so far from garbage collection: it lives to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)
