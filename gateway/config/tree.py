"""How are settings from files, variables and the command line laid over each other?"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gateway.config.yaml_file import read_yaml
from gateway.telemetry.redact import redact

PREFIX = "GATEWAY__"
_DEEPEST = 8  # levels; sections have four, a YAML alias to itself has no end


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration."""

    key: str
    message: str
    source: str

    def __str__(self) -> str:
        place = f"  ({self.source})" if self.source else ""
        # What somebody typed as a key may be a secret in the wrong place.
        return str(redact(f"{self.key}: {self.message}{place}"))


@dataclass(slots=True)
class Layers:
    """Settings as they pile up: later ones win."""

    is_text: Callable[[str], bool]  # whether a key takes a text as it stands
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, value: Any, source: str) -> None:
        """Set one dotted key."""
        *sections, last = key.split(".")
        if len(sections) > _DEEPEST:
            self.faults.append(Fault(key[:80], "is nested too deep", source))
            return
        target = self.values
        for section in sections:
            if target.get(section) is None:  # a section without any key
                target[section] = {}
            inner = target[section]
            if not isinstance(inner, dict):
                self.faults.append(Fault(key, f"{section} is no section", source))
                return
            target = inner
        if value is None and isinstance(target.get(last), dict):
            return  # a section without any key takes nothing of the others back
        if isinstance(value, Mapping) and isinstance(target.get(last) or {}, dict):
            target[last] = target.get(last) or {}
            for name, part in value.items():
                self.add(f"{key}.{name}", part, source)
            return
        target[last] = value
        self.sources[key] = source

    def add_file(self, path: Path, *, label: str) -> None:
        """Lay a YAML file over what is there."""
        try:
            content, repeated = read_yaml(path.read_bytes())
        except FileNotFoundError:
            self.faults.append(Fault(label, "the file is not there", ""))
            return
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            self.faults.append(Fault(label, message, ""))
            return
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}" if mark is not None else ""
            self.faults.append(Fault(label, f"the file is no YAML{place}", ""))
            return
        self.faults += [
            Fault(
                one.key, f"is there twice, in lines {one.first} and {one.line}", label
            )
            for one in repeated
        ]
        if content is None:
            return
        if not isinstance(content, dict):
            self.faults.append(Fault(label, "the file must hold sections", ""))
            return
        for key, value in content.items():
            self.add(str(key), value, label)

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Lay the GATEWAY__SECTION__KEY variables over what is there."""
        for name in sorted(environ):
            if name.startswith(PREFIX):
                key = name[len(PREFIX) :].lower().replace("__", ".")
                self._add_text(key, environ[name], f"environment variable {name}")

    def add_overrides(self, overrides: Sequence[str]) -> None:
        """Lay `section.key=value` texts over what is there."""
        for text in overrides:
            key, equals, value = text.partition("=")
            if equals and key.strip():
                self._add_text(key.strip(), value, "--set")
            else:
                # Not repeated: without its key nobody knows what the text is.
                self.faults.append(Fault("--set", "must be section.key=value", ""))

    def _add_text(self, key: str, text: str, source: str) -> None:
        plain = self.is_text(key) and text.strip() != "null"
        try:
            value = text if plain else read_text(text)
        except RepeatedKeyError:
            self.faults.append(Fault(key, "has a key twice in its JSON", source))
            return
        if value is None and isinstance(self.get(key), dict):
            self.faults.append(Fault(key, "is a section, not a key", source))
            return
        self.add(key, value, source)

    def get(self, key: str) -> Any:
        """Return what a dotted key is set to so far; None: nothing."""
        found: Any = self.values
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def source_of(self, key: str) -> str:
        """Return where a key, or the nearest thing above it, was set."""
        inside = (name for name in self.sources if name.startswith(f"{key}."))
        above = key
        while above:
            if above in self.sources:
                return self.sources[above]
            above = above.rpartition(".")[0]
        return self.sources.get(next(inside, ""), "default")


class RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise RepeatedKeyError
    return dict(pairs)


def read_text(text: str) -> Any:
    """Return a text's JSON value where it is one of a list, object, number or word.

    Raises:
        RepeatedKeyError: It is JSON, and an object in it has a key twice.
    """
    stripped = text.strip()
    if stripped[:1] in {"[", "{", '"'} or stripped in {"true", "false", "null"}:
        try:
            return json.loads(stripped, object_pairs_hook=_unique)
        except RepeatedKeyError:
            raise
        except (ValueError, RecursionError):
            return text
    try:
        return int(stripped)
    except ValueError:
        pass
    try:
        return float(stripped)
    except ValueError:
        return text


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values, sections opened; an empty one is a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as sections again."""
    values: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, last = key.split(".")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = value
    return values


def closest(key: str, known: Sequence[str]) -> str:
    """Return a hint at the known key that an unknown one resembles, or nothing."""
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""
