"""Builds the admin listener's application: probes, metrics, status page, inbox."""

from aiohttp import web

from gateway.app.parts import Parts
from gateway.app.readiness import add_checks
from gateway.app.reload import Reload
from gateway.app.status import StatusReport
from gateway.config.schema import Config
from gateway.core.origin import admin_rule
from gateway.server.admin import build_admin as build_application
from gateway.server.admin import explain_routes


def build_admin(config: Config, parts: Parts, reload: Reload) -> web.Application:
    """Return the application, with every condition of readiness added.

    Args:
        config: Named on the status page; holds the host names that are accepted.
        parts: Whose state is shown.
        reload: Runs on `POST /reload`.
    """
    inbox, telemetry = parts.persistence.inbox, parts.telemetry
    add_checks(
        parts.health,
        secrets=parts.secrets,
        tokens=parts.tokens.current,
        listeners=parts.listeners,
        spool=parts.pipeline.stages.admission.spool,
        inbox=inbox,
    )
    report = _build_report(config, parts)
    telemetry.metrics.before_scrape(report.update)
    return build_application(
        parts.health,
        metrics=telemetry.metrics.render,
        reload=reload,
        status=report.status,
        origin=admin_rule(config.listen.admin.host, config.listen.hosts),
        further=(
            *explain_routes(telemetry.history.find),
            *(() if inbox is None else inbox.admin()),
        ),
    )


def _build_report(config: Config, parts: Parts) -> StatusReport:
    return StatusReport(
        environment=config.environment,
        service=config.service,
        provider=config.secrets.provider,
        rotation=config.rotation,
        clock=parts.clock,
        metrics=parts.telemetry.metrics,
        health=parts.health,
        secrets=parts.secrets,
        tokens=parts.tokens.current,
        stages=parts.pipeline.stages,
        breakers=(parts.pipeline.breaker, parts.tokens.breaker),
        persistence=parts.persistence,
        history=parts.telemetry.history,
    )
