"""Renders the status page: plain HTML, without a script."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:48rem;"
    "padding:0 1rem;color:#111;background:#fff}"
    "th{text-align:left;font-weight:600;padding-right:2rem;vertical-align:top}"
    "td{overflow-wrap:anywhere}"
    ".no{color:#a00;font-weight:600}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#111}.no{color:#f88}}"
)


def render_page(status: Mapping[str, Any]) -> bytes:
    """Return the status as a page; every text is escaped."""
    ready = bool(status.get("ready"))
    title = f"dinie-gateway: {'ready' if ready else 'not ready'}"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        "<meta http-equiv=refresh content=10>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1{'' if ready else ' class=no'}>{escape(title)}</h1>",
        _table({k: v for k, v in status.items() if not isinstance(v, Mapping | list)}),
    ]
    for name, section in status.items():
        if isinstance(section, Mapping):
            parts += [f"<h2>{escape(_words(name))}</h2>", _table(section)]
    parts.append(_failures(status.get("last_failures", ())))
    parts.append("<p>The same as JSON: <a href=status.json>status.json</a></p></html>")
    return "".join(parts).encode()


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    """Return the last failures, each with a link to its explanation."""
    if not failures:
        return ""
    rows = [
        f"<tr><td>{escape(str(one['ended']))}</td>"
        f"<td>{escape(str(one['method']))} {escape(str(one['route']))}</td>"
        f"<td>{escape(str(one['status']))} {escape(str(one['problem'] or ''))}</td>"
        f"<td><a href='explain/{quote(str(one['request_id']), safe='')}'>"
        f"{escape(str(one['request_id']))}</a></td></tr>"
        for one in failures
    ]
    return f"<h2>Last failures</h2><table>{''.join(rows)}</table>"


def _table(rows: Mapping[str, Any]) -> str:
    return (
        "<table>"
        + "".join(
            f"<tr><th scope=row>{escape(_words(name))}</th><td>{_cell(value)}</td></tr>"
            for name, value in rows.items()
        )
        + "</table>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return _described(value)
    if isinstance(value, bool):
        return "yes" if value else "<span class=no>no</span>"
    return "unknown" if value is None else escape(str(value)) or "none"


def _described(value: Mapping[str, Any]) -> str:
    """Return a check, a circuit or any other value with parts."""
    if "ok" in value:
        word = "yes" if value["ok"] else "<span class=no>no</span>"
    elif "state" in value:
        word = escape(str(value["state"]))
        if value["state"] != "closed":
            word = f"<span class=no>{word}</span>"
    else:
        parts = [f"{name}: {part}" for name, part in value.items()]
        return escape(", ".join(parts)) or "none"
    return f"{word}: {escape(str(value.get('reason', '')))}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
