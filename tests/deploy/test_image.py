"""The image: does the Dockerfile keep what it promises, as far as one can read it?"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stages() -> tuple[list[str], list[str]]:
    """Return the instructions of the builder and of what is shipped."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = text.replace("\\\n", " ").splitlines()
    begins = [n for n, line in enumerate(lines) if line.startswith("FROM ")]
    builder, final = (
        [line for line in part if line.strip()]
        for part in (lines[begins[0] : begins[1]], lines[begins[1] :])
    )
    return builder, final


def test_what_is_shipped_does_not_run_as_root() -> None:
    """The manifests say `runAsNonRoot` and name the same user."""
    _, final = stages()

    assert [line for line in final if line.startswith("USER ")] == ["USER 10001:10001"]


def test_what_is_shipped_installs_nothing_and_takes_the_builders_folder_only() -> None:
    """Neither a compiler nor the sources have any business there."""
    _, final = stages()

    copies = [line for line in final if line.startswith(("COPY", "ADD"))]
    runs = " ".join(line for line in final if line.startswith("RUN"))
    assert copies == ["COPY --from=builder /opt/venv /opt/venv"]
    assert not re.search(r"\b(apt-get|pip|curl|wget)\b", runs)


def test_the_dependencies_are_those_of_the_lock() -> None:
    """What was tested is what is shipped."""
    builder, _ = stages()

    (install,) = [line for line in builder if "--requirement" in line]
    assert "--requirement requirements.lock" in install
    assert install.count("--only-binary :all: --require-hashes") == 2


def test_the_build_context_is_what_is_copied_and_nothing_else() -> None:
    """A context that lists what it wants can leak no secret that lies about."""
    builder, _ = stages()
    ignore = (ROOT / ".dockerignore").read_text().splitlines()

    wanted = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        name
        for line in builder
        if line.startswith("COPY ")
        for name in line.split()[1:-1]
    }
    assert "*" in ignore
    assert wanted == copied


def test_both_stages_start_from_one_base() -> None:
    """A virtual environment only works with the interpreter that made it."""
    builder, final = stages()

    bases = {part[0].split()[1] for part in (builder, final)}
    assert bases == {"python:3.13-slim-bookworm"}
