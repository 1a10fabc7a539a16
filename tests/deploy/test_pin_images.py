"""Images pinned by digest, with a registry that is made up; the real engine says what it makes of the result."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.tool import docker
from tests.system.rig.process import ROOT

# Pulls anything; an image's digest is made of its name, so that none has another's.
REGISTRY = """#!/bin/sh
for image; do :; done
case "$1 $image" in
    "pull $LOST") echo "no such image" >&2; exit 1 ;;
    "image $NAMELESS") ;;
    image*)
        echo "mirror.example/other@sha256:0"
        echo "${image%%:*}@sha256:$(echo "$image" | sha256sum | cut -c1-64)"
        ;;
esac
"""
SECRETS = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.yml").read_text()))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the script needs, and a docker without an engine."""
    for folder in ("deploy", "bin"):
        (tmp_path / folder).mkdir()
    for name in ("docker-compose.yml", "Dockerfile", "deploy/pin-images.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin" / "docker").write_text(REGISTRY)
    (tmp_path / "bin" / "docker").chmod(0o755)
    return tmp_path


def pin(clone: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    around = {"PATH": f"{clone / 'bin'}:{os.environ['PATH']}", "LOST": "none", "NAMELESS": "none"}
    command = ["sh", str(clone / "deploy" / "pin-images.sh")]
    return subprocess.run(command, env={**around, **environ}, capture_output=True, text=True)


def tags() -> set[str]:
    """Every image that comes from a registry."""
    compose, dockerfile = ((ROOT / name).read_text() for name in ("docker-compose.yml", "Dockerfile"))
    images = re.findall(r"^    image: (\S+:\S+)", compose, re.MULTILINE)
    return {*images, *re.findall(r"^ARG [A-Z]+=(\S+:\S+)", dockerfile, re.MULTILINE)}


def test_every_image_is_pinned_to_its_digest(clone: Path) -> None:
    done = pin(clone)
    assert done.returncode == 0, done.stderr
    made = (clone / "deploy" / "images.yml").read_text()
    assert set(re.findall(r'"(\S+)@sha256:[0-9a-f]{64}"', made)) == tags()
    assert len(set(re.findall(r"sha256:\w+", made))) == len(tags())


def test_compose_reads_what_was_made(clone: Path) -> None:
    pin(clone)
    files = ["-f", str(clone / "docker-compose.yml"), "-f", str(clone / "deploy" / "images.yml")]
    command = [docker(), "compose", "--env-file", "/dev/null", *files, "--profile", "*", "config", "--format", "json"]
    done = subprocess.run(
        command, env={**os.environ, **dict.fromkeys(SECRETS, "x" * 32)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    built = {name: value for each in services.values() for name, value in each.get("build", {}).get("args", {}).items()}
    images = [each["image"] for each in services.values() if not each["image"].startswith("parley")]
    assert {name.partition("@")[0] for name in [*images, *built.values()]} == tags()
    assert all("@sha256:" in name for name in [*images, *built.values()])


@pytest.mark.parametrize("trouble", ["LOST", "NAMELESS"])
@pytest.mark.parametrize("image", sorted(tags()))
def test_nothing_is_written_unless_all_are_pinned(clone: Path, trouble: str, image: str) -> None:
    done = pin(clone, **{trouble: image})
    assert done.returncode != 0
    assert image in done.stderr
    assert [path.name for path in (clone / "deploy").iterdir()] == ["pin-images.sh"]


def test_pins_are_of_the_tags_in_use() -> None:
    """A tag that changes without its pin would have no effect."""
    made = ROOT / "deploy" / "images.yml"
    if made.exists():
        assert set(re.findall(r'"(\S+)@sha256:', made.read_text())) == tags()
