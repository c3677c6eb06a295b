"""How do the rooms become a running gateway? The one file that sees every room."""

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any

from gateway.app.builders import (
    Running,
    WrongEnvironment,
    build_canary,
    build_endpoint,
    build_keeper,
    build_log,
    build_retry,
    build_sender,
    build_stages,
    build_token_breaker,
    build_tokens,
    certificate_check,
    say,
    secrets_check,
    settle_memory,
    token_check,
)
from gateway.app.drain import Drain
from gateway.app.limits import build_streams, spool_check
from gateway.app.listeners import Listeners
from gateway.app.persistence import Durable
from gateway.app.reload import Reload
from gateway.app.status import Signals
from gateway.breaker.stage import BreakerStage
from gateway.config.schema import Config
from gateway.core.clock import SystemClock
from gateway.core.dinie_routes import template
from gateway.core.origin import admin_rule, proxy_rule
from gateway.idempotency.policy import upstream_headers
from gateway.pipeline.forwarder import Base, Forwarder
from gateway.server.admin import build_admin, explain_routes
from gateway.server.certificates import Certificates
from gateway.server.health import Health
from gateway.server.proxy import Proxy
from gateway.telemetry.ids import RequestIds
from gateway.telemetry.logging import configure
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.ports import LogStream
from gateway.telemetry.request_history import Stories
from gateway.telemetry.stage import TelemetryStage
from gateway.upstream.guarded_token_endpoint import GuardedEndpoint
from gateway.upstream.sweeper import Sweeper
from gateway.upstream.transport import trust


async def run(
    config: Config,
    *,
    stop: asyncio.Event,
    started: Callable[[Running], object],
    reload: asyncio.Event | None = None,
    environ: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Run a gateway until `stop` is set and what was accepted is finished.

    Args:
        config: Checked by the loader.
        stop: Begins the drain.
        started: Called once, when the sockets listen.
        reload: When set, the secrets are read again.
        environ: Where provider `env` looks; by default the process's own.
        quiet: Log no requests.

    Raises:
        OSError: a socket cannot be bound.
        WrongEnvironment: the credential belongs to another one; nothing was asked.
    """
    with closing(configure(config.telemetry)) as lines:
        environ = os.environ if environ is None else environ
        gateway = Gateway(config, environ, lines, quiet=quiet)
        try:
            await gateway.check_environment()
            if stop.is_set():
                return  # told to stop before anything was accepted
            gateway.bind()
            await gateway.open()
            running = await gateway.listen()
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(job) for job in gateway.jobs(reload)]
                started(running)
                settle_memory()
                await stop.wait()
                await gateway.drain()
                for task in background:
                    task.cancel()
        finally:
            await gateway.close()


class Gateway:
    """All parts of one gateway, wired."""

    def __init__(
        self, config: Config, environ: Mapping[str, str], log: LogStream, *, quiet: bool
    ) -> None:
        self._config = config
        self._clock = clock = SystemClock()
        self._metrics = Metrics(environment=config.environment)
        self._health = Health(clock)
        self._ids = RequestIds()
        self._secrets = build_keeper(
            config, environ, clock=clock, on_refused=self._metrics.secret_refused
        )
        self._endpoint = build_endpoint(config, tls := trust(config.upstream.ca_file))
        self._build_tokens()
        self._sender = build_sender(config, tls)
        self._tls = Certificates(config.listen.tls, say)
        self._reload = Reload(self._secrets, self._tls)
        self._stories = Stories(config.telemetry.explained)
        self._sweeper = Sweeper(asyncio.get_running_loop(), clock.now)
        self._breaker = BreakerStage(config.breaker, clock, random.random, "api")
        self._durable = Durable(
            config, secrets=self._secrets, metrics=self._metrics, clock=clock
        )
        self._mailroom = self._durable.mailroom
        self._listeners = Listeners(config.listen, self._tls, self._mailroom)
        self._stages = build_stages(
            config,
            records=self._durable.records,
            journal=self._durable.journal,
            clock=clock,
            metrics=self._metrics,
            secrets=self._secrets,
            tokens=self._tokens,
            canary=build_canary(self._next_tokens, config, self._metrics),
            sweeper=self._sweeper,
            new_id=self._ids.new,
        )
        self._log = build_log(config, log, self._metrics, quiet=quiet)
        self._proxy = self._build_proxy()
        self._drain = self._build_drain()
        self._signals = self._build_signals()

    def _build_tokens(self) -> None:
        config, clock = self._config, self._clock
        self._token_breaker = build_token_breaker(config, clock)
        self._tokens, self._next_tokens = build_tokens(
            GuardedEndpoint(self._endpoint, self._token_breaker),
            self._secrets,
            environment=config.environment,
            clock=clock,
            metrics=self._metrics,
        )

    def _add_checks(self) -> None:
        self._health.add("secrets", partial(secrets_check, self._secrets))
        self._health.add("token", partial(token_check, self._tokens))
        if self._tls.context is not None:
            self._health.add("certificate", partial(certificate_check, self._tls))
        self._health.add("listeners", self._listeners.check)
        self._health.add("spill", partial(spool_check, self._stages.admission.spool))
        if self._mailroom is not None:
            self._health.add("inbox", self._mailroom.check)

    def _build_signals(self) -> Signals:
        self._add_checks()
        signals = Signals(
            config=self._config,
            clock=self._clock,
            metrics=self._metrics,
            health=self._health,
            secrets=self._secrets,
            tokens=self._tokens,
            stages=self._stages,
            breakers=(self._breaker, self._token_breaker),
            durable=self._durable,
            stories=self._stories,
        )
        self._metrics.before_scrape(signals.update)
        return signals

    def _build_drain(self) -> Drain:
        return Drain(
            options=self._config.drain,
            clock=self._clock,
            health=self._health,
            proxy=self._proxy,
            admission=self._stages.admission,
            listeners=self._listeners,
            mailroom=self._mailroom,
            log=self._log,
        )

    def _build_proxy(self) -> Proxy:
        config, clock = self._config, self._clock
        forwarder = Forwarder(
            Base.of(config.upstream.base_url),
            self._sender,
            stages=self._stages,
            retry=build_retry(
                config, clock, self._breaker, self._metrics, lambda: self._drain.ends
            ),
            sweeper=self._sweeper,
            streams=build_streams(config, self._listeners.readers),
            longest_stream=config.deadline.maximum,
            key_headers=partial(upstream_headers, config.idempotency),
            environment=config.environment,
            clock=clock.now,
        )
        return Proxy(
            self._stages.around(forwarder),
            origin=proxy_rule(config.listen.proxy.host, config.listen.hosts),
            prefixes=config.upstream.accepted_prefixes,
            environment=config.environment,
            telemetry=TelemetryStage(self._metrics, self._log, clock, self._stories),
            clock=clock.now,
            request_ids=self._ids.accept,
            route_of=template,
        )

    async def check_environment(self) -> None:
        """Read the secrets once, before any connection to Dinie.

        A provider that is away is no reason not to start: it is asked again and again.

        Raises:
            WrongEnvironment: what it holds belongs to another environment.
        """
        await self._secrets.refresh("start")
        if self._secrets.faults:
            raise WrongEnvironment("\n".join(self._secrets.faults))

    def bind(self) -> None:
        """Take the addresses, before anything that another gateway could notice.

        Raises:
            OSError: one of them is taken.
        """
        self._listeners.bind()

    async def open(self) -> None:
        """Bring back what was known before the last end."""
        await self._durable.open()

    async def listen(self) -> Running:
        """Serve; return where."""
        listen = self._config.listen
        admin = build_admin(
            self._health,
            metrics=self._metrics.render,
            reload=self._reload,
            status=self._signals.status,
            origin=admin_rule(listen.admin.host, listen.hosts),
            further=(
                *explain_routes(self._stories.tell),
                *(self._mailroom.admin() if self._mailroom else ()),
            ),
        )
        return await self._listeners.start(
            self._proxy, admin, self._proxy.refuse_unread
        )

    def jobs(self, reload: asyncio.Event | None) -> list[Any]:
        """Return what runs beside the listeners, as coroutines."""
        parts = self._secrets, self._tokens, self._next_tokens, self._health
        jobs = [part.run() for part in parts]
        jobs += [self._log.run(self._clock), *self._durable.jobs()]
        jobs.append(self._stages.admission.spool.run(self._clock))
        if reload is not None:
            jobs.append(self._reload.when(reload))
        return jobs

    async def drain(self) -> None:
        """Finish what was accepted."""
        await self._drain.run()

    async def close(self) -> None:
        """Close sockets and connections."""
        await self._drain.close()
        self._sweeper.close()
        await self._sender.close()
        await self._endpoint.close()
        await self._secrets.close()
        await self._durable.close()
