"""Builds every part of a gateway from its configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.app.listeners import Listeners
from gateway.app.persistence import Persistence
from gateway.app.pipeline import Pipeline, build_pipeline
from gateway.app.secrets import build_secrets, log_event
from gateway.app.telemetry import Telemetry, build_telemetry
from gateway.app.tokens import Tokens, build_tokens
from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.secrets.watcher import SecretWatcher
from gateway.server.certificates import Certificates
from gateway.server.health import Health
from gateway.telemetry.ports import LogStream
from gateway.upstream.transport import trust


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one gateway, in the order in which they are built."""

    clock: Clock
    health: Health
    telemetry: Telemetry
    secrets: SecretWatcher
    tokens: Tokens
    persistence: Persistence
    listeners: Listeners
    pipeline: Pipeline

    async def close(self) -> None:
        """Close connections and files; the listeners are closed before."""
        await self.pipeline.close()
        await self.tokens.endpoint.close()
        await self.secrets.close()
        await self.persistence.close()


def build_parts(
    config: Config,
    environ: Mapping[str, str],
    *,
    clock: Clock,
    lines: LogStream,
    quiet: bool,
    horizon: Callable[[], float],
) -> Parts:
    """Return the parts; nothing is bound, read or sent yet. Inside a running loop.

    Args:
        config: Checked by the loader.
        environ: Where secrets provider `env` looks.
        clock: Real or fake.
        lines: Takes the log.
        quiet: Log no requests.
        horizon: Returns until when attempts may be begun; s, monotonic.

    Raises:
        OSError: A certificate or a CA file cannot be read.
    """
    telemetry = build_telemetry(config, lines, clock=clock, quiet=quiet)
    metrics = telemetry.metrics
    secrets = build_secrets(config, environ, clock=clock, metrics=metrics)
    tls = trust(config.upstream.ca_file)
    tokens = build_tokens(
        config, secrets, clock=clock, metrics=metrics, ssl_context=tls
    )
    persistence = Persistence(config, secrets, clock=clock, metrics=metrics)
    listeners = Listeners(
        config.listen,
        Certificates(config.listen.tls, log_event),
        persistence.inbox,
    )
    pipeline = build_pipeline(
        config,
        clock=clock,
        ssl_context=tls,
        secrets=secrets,
        tokens=tokens,
        persistence=persistence,
        telemetry=telemetry,
        readers=listeners.readers,
        horizon=horizon,
    )
    health = Health(clock)
    return Parts(
        clock, health, telemetry, secrets, tokens, persistence, listeners, pipeline
    )
