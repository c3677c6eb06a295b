"""How are settings from files, variables and the command line laid over each other?"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PREFIX = "GATEWAY__"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration."""

    key: str
    message: str
    source: str

    def __str__(self) -> str:
        place = f"  ({self.source})" if self.source else ""
        return f"{self.key}: {self.message}{place}"


@dataclass(slots=True)
class Layers:
    """Settings as they pile up: later ones win."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, value: Any, source: str) -> None:
        """Set one dotted key."""
        *sections, last = key.split(".")
        target = self.values
        for section in sections:
            inner = target.setdefault(section, {})
            if not isinstance(inner, dict):
                self.faults.append(Fault(key, f"{section} is no section", source))
                return
            target = inner
        if isinstance(value, Mapping) and isinstance(target.get(last, {}), dict):
            target.setdefault(last, {})
            for name, part in value.items():
                self.add(f"{key}.{name}", part, source)
            return
        target[last] = value
        self.sources[key] = source

    def add_file(self, path: Path, *, label: str) -> None:
        """Lay a YAML file over what is there."""
        try:
            content = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506
        except FileNotFoundError:
            self.faults.append(Fault(label, "the file is not there", str(path.parent)))
            return
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            self.faults.append(Fault(label, message, str(path)))
            return
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}" if mark is not None else ""
            self.faults.append(Fault(label, f"the file is no YAML{place}", str(path)))
            return
        if content is None:
            return
        if not isinstance(content, dict):
            self.faults.append(Fault(label, "the file must hold sections", str(path)))
            return
        for key, value in content.items():
            self.add(str(key), value, label)

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Lay the GATEWAY__SECTION__KEY variables over what is there."""
        for name in sorted(environ):
            if name.startswith(PREFIX):
                key = name[len(PREFIX) :].lower().replace("__", ".")
                self.add(key, read_text(environ[name]), f"environment variable {name}")

    def add_overrides(self, overrides: Sequence[str]) -> None:
        """Lay `section.key=value` texts over what is there."""
        for text in overrides:
            key, equals, value = text.partition("=")
            if not equals or not key:
                message = "must be section.key=value"
                self.faults.append(Fault(key or "--set", message, "--set"))
                continue
            self.add(key.strip(), read_text(value), "--set")

    def source_of(self, key: str) -> str:
        """Return where a key, or the nearest thing above it, was set."""
        while key:
            if key in self.sources:
                return self.sources[key]
            below = next((k for k in self.sources if k.startswith(key + ".")), None)
            if below is not None:
                return self.sources[below]
            key = key.rpartition(".")[0]
        return "default"


def read_text(text: str) -> Any:
    """Return a text's JSON value where it is one of a list, object, number or word."""
    stripped = text.strip()
    if stripped[:1] in {"[", "{", '"'} or stripped in {"true", "false", "null"}:
        try:
            return json.loads(stripped)
        except ValueError:
            return text
    try:
        number = float(stripped)
    except ValueError:
        return text
    return int(stripped) if stripped.lstrip("+-").isdigit() else number


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values, sections opened."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def closest(key: str, known: Sequence[str]) -> str:
    """Return a hint at the known key that an unknown one resembles, or nothing."""
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""
