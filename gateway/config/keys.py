"""The known keys and the kind of value of each, read from the schema."""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from gateway.config.schema import Config
from gateway.core.address import Address

Kind = Literal["text", "number", "flag", "list"]
NOT_SET_HERE: Final = "environment"  # a field of Config that is not a key


@cache
def known_keys() -> Mapping[str, Kind]:
    """Return every dotted key and its kind, in the order of the schema."""
    return {
        key: kind for key, kind in _walk(Config, "") if not key.startswith(NOT_SET_HERE)
    }


def is_section(key: str) -> bool:
    """Return whether a key holds further keys."""
    return any(known.startswith(f"{key}.") for known in known_keys())


def key_of(location: tuple[Any, ...]) -> str:
    """Return the known key of a place inside the configuration, or the place itself."""
    parts: list[str] = []
    for part in location:
        parts.append(str(part))
        if ".".join(parts) in known_keys():
            break
    return ".".join(parts)


def _walk(kind: Any, prefix: str) -> Iterator[tuple[str, Kind]]:
    for name, annotation in _fields(kind):
        inner = _plain(annotation)
        if _is_section(inner):
            yield from _walk(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _kind(inner)


def _fields(section: Any) -> Iterator[tuple[str, Any]]:
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            yield name, field.annotation
    else:
        for entry in dataclasses.fields(section):
            yield entry.name, entry.type


def _is_section(kind: Any) -> bool:
    if not isinstance(kind, type) or kind is Address:
        return False
    return issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)


def _plain(annotation: Any) -> Any:
    """Return an annotation without its constraints and without `None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return _plain(next(a for a in get_args(annotation) if a is not types.NoneType))
    if origin is Literal:
        return type(get_args(annotation)[0])
    return origin or annotation


def _kind(plain: Any) -> Kind:
    if plain is bool:
        return "flag"
    if plain in {int, float}:
        return "number"
    return "list" if plain is tuple else "text"
