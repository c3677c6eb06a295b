"""docs/architecture.md: its pictures are what the code imports and lists."""

import ast
import dataclasses
import importlib.util
import re
from pathlib import Path

import grimp
import pytest

from gateway.pipeline.order import Stages

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
ROOMS, WAY = re.findall(r"```mermaid\n(.*?)```", TEXT, flags=re.DOTALL)
GRAPH = grimp.build_graph("gateway")
PACKAGES = {
    child.partition(".")[2]
    for child in GRAPH.find_children("gateway")
    if child != "gateway.__main__"
}


def boxes(picture: str) -> dict[str, list[str]]:
    """Return what each box of a picture holds, from top to bottom."""
    chain = picture.rstrip().splitlines()[-1]
    order = [name.strip() for name in chain.split("-->")]
    found = dict(re.findall(r"subgraph (\w+) .*?\n(.*?)\n    end", picture, re.DOTALL))
    assert set(found) <= set(order)
    return {
        name: re.findall(r"^ +(\w+)", found[name], flags=re.MULTILINE)
        for name in order
        if name in found
    }


def imported_by(package: str) -> set[str]:
    """Return the other packages that a package imports."""
    root = f"gateway.{package}"
    modules = {root, *GRAPH.find_descendants(root)}
    targets = {
        target.split(".")[1]
        for module in modules
        for target in GRAPH.find_modules_directly_imported_by(module)
        if "." in target
    }
    return targets - {package}


def test_the_picture_of_the_rooms_has_every_package_once() -> None:
    """A new room is seen, and none is drawn that is gone."""
    drawn = [name for layer in boxes(ROOMS).values() for name in layer]

    assert sorted(drawn) == sorted(PACKAGES)


def test_the_table_below_it_has_every_package_once_in_the_same_order() -> None:
    """Each box is explained."""
    drawn = [name for layer in boxes(ROOMS).values() for name in layer]
    rows = TEXT.split("| Package |", 1)[1].split("\n\n", 1)[0]

    assert re.findall(r"^\| `(\w+)` \|", rows, flags=re.MULTILINE) == drawn


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_imports_only_from_layers_that_are_drawn_below_it(
    package: str,
) -> None:
    """The arrows are true: who reads them knows what a change can reach."""
    depth = {
        name: level
        for level, layer in enumerate(boxes(ROOMS).values())
        for name in layer
    }

    upward = [one for one in imported_by(package) if depth[one] <= depth[package]]

    assert upward == []


@pytest.mark.parametrize("room", boxes(ROOMS)["rooms"])
def test_a_room_imports_nothing_but_the_core(room: str) -> None:
    """The page promises it, and a room can be read alone."""
    assert imported_by(room) <= {"core"}


def test_the_way_of_a_request_is_that_of_the_order() -> None:
    """Whoever adds a stage draws it where it runs."""
    tree = ast.parse((ROOT / "gateway" / "pipeline" / "order.py").read_text())
    listed = [
        [stage.attr for stage in node.elts if isinstance(stage, ast.Attribute)]
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple)
    ]

    assert list(boxes(WAY).values()) == [stages for stages in listed if stages]


def test_the_whole_way_has_every_part_of_the_order() -> None:
    """The relay and the transport, which are in no list, are drawn between them."""
    inside = boxes(WAY)
    chain = [name.strip() for name in WAY.rstrip().splitlines()[-1].split("-->")]
    drawn = [part for name in chain for part in inside.get(name, [name])]

    parts = [field.name for field in dataclasses.fields(Stages)]

    assert drawn == ["service", *parts, "dinie"]


def test_the_site_renders_every_picture_without_a_script() -> None:
    """The theme would load Mermaid from another host, into each reader's browser."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)

    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text()
        rendered = hooks.on_page_markdown(text)
        assert rendered.count('<ol class="diagram">') == text.count("```mermaid")
        assert "```mermaid" not in rendered
