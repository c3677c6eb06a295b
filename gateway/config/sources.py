"""Reads settings from files, variables and the command line; the later one wins.

A setting is a dotted key with a value, and with the place that set it. Own code and no
settings library: see ADR 16.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.config.keys import is_section, known_keys
from gateway.config.yaml_file import read_yaml
from gateway.telemetry.redact import redact

PREFIX: Final = "GATEWAY__"
_DEEPEST: Final = 8  # levels; sections have four, a YAML alias to itself has no end


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration."""

    key: str
    message: str
    source: str

    def __str__(self) -> str:
        place = f"  ({self.source})" if self.source else ""
        # What was typed as a key may be a secret in the wrong place.
        return str(redact(f"{self.key}: {self.message}{place}"))


@dataclass(slots=True)
class Settings:
    """The settings read so far; each call of an `add` method overrides those before."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, value: Any, source: str) -> None:
        """Set a key, or each key of a section; an empty section sets nothing.

        Args:
            key: Dotted.
            value: A mapping is opened, so a section keeps the keys that it does not
                name. A list is one value.
            source: Named in faults and by `check --show`.
        """
        if key.count(".") > _DEEPEST:
            self.faults.append(Fault(key[:80], "is nested too deep", source))
        elif isinstance(value, Mapping) and (value or is_section(key)):
            for name, part in value.items():
                self.add(f"{key}.{name}", part, source)
        elif value is not None or not is_section(key):
            self.values[key] = value
            self.sources[key] = source

    def add_file(self, path: Path, *, label: str) -> None:
        """Add the settings of a YAML file, which faults name by its label."""
        try:
            content, repeated = read_yaml(path.read_bytes())
        except FileNotFoundError:
            self.faults.append(Fault(label, "the file does not exist", ""))
            return
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            self.faults.append(Fault(label, message, ""))
            return
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}" if mark is not None else ""
            self.faults.append(Fault(label, f"the file is not YAML{place}", ""))
            return
        self.faults += [
            Fault(one.key, f"occurs twice, in lines {one.first} and {one.line}", label)
            for one in repeated
        ]
        if isinstance(content, dict):
            for key, value in content.items():
                self.add(str(key), value, label)
        elif content is not None:
            self.faults.append(Fault(label, "the file must hold sections", ""))

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Add the settings of the GATEWAY__SECTION__KEY variables."""
        for name in sorted(environ):
            if name.startswith(PREFIX):
                key = name[len(PREFIX) :].lower().replace("__", ".")
                self._add_text(key, environ[name], f"environment variable {name}")

    def add_overrides(self, overrides: Sequence[str]) -> None:
        """Add settings of the form `section.key=value`."""
        for text in overrides:
            key, equals, value = text.partition("=")
            if equals and key.strip():
                self._add_text(key.strip(), value, "--set")
            else:
                # The text is not repeated: without a key it may be a secret.
                self.faults.append(Fault("--set", "must be section.key=value", ""))

    def _add_text(self, key: str, text: str, source: str) -> None:
        plain = known_keys().get(key) == "text" and text.strip() != "null"
        try:
            value = text if plain else read_text(text)
        except RepeatedKeyError:
            self.faults.append(Fault(key, "has a key twice in its JSON", source))
            return
        if value is None and is_section(key):
            self.faults.append(Fault(key, "is a section, not a key", source))
        else:
            self.add(key, value, source)

    def source_of(self, key: str) -> str:
        """Return what set a key, or else the nearest key above or inside it."""
        above = key
        while above:
            if above in self.sources:
                return self.sources[above]
            above = above.rpartition(".")[0]
        inside = (name for name in self.sources if name.startswith(f"{key}."))
        return self.sources.get(next(inside, ""), "default")


class RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise RepeatedKeyError
    return dict(pairs)


def read_text(text: str) -> Any:
    """Return the JSON value of a text; the text itself where it is not JSON.

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
    for number in (int, float):
        try:
            return number(stripped)
        except ValueError:
            continue
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
