"""Reads a YAML file and finds keys that it has twice.

YAML forbids them (YAML 1.2.2, section 3.2.1.1, "mapping keys are unique"), but PyYAML
silently keeps the last one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that occurs twice; the lines count from 1."""

    key: str  # dotted
    first: int
    line: int


def read_yaml(text: bytes) -> tuple[Any, list[Repeated]]:
    """Return a document's content, and the keys that it has twice.

    Raises:
        yaml.YAMLError: The text is not YAML, or has several documents.
        ValueError: A value cannot be read, a date with 13 months for example.
        RecursionError: The text is nested too deep.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        repeated = list(_repeated(node, "", {}, set()))
        return loader.construct_document(node), repeated
    finally:
        loader.dispose()


def _repeated(
    node: yaml.Node, prefix: str, lines: dict[str, int], seen: set[int]
) -> Iterator[Repeated]:
    """Yield the repeated keys below a node; `lines` has the first line of each key."""
    if id(node) in seen:  # an alias; it may stand inside what it names
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # Compared by text: `1` and `"1"` are one setting, and so are `retry.cap`
            # and the `cap` of `retry`.
            name = f"{prefix}{key.value if isinstance(key.value, str) else '?'}"
            line = key.start_mark.line + 1
            if name in lines and key.value != "<<":  # several merges are one mapping
                yield Repeated(name, lines[name], line)
            lines.setdefault(name, line)
            yield from _repeated(value, f"{name}.", lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inside = f"{prefix.rstrip('.')}[{index}]."
            yield from _repeated(value, inside, lines, seen)
