"""The package as `npm pack` makes it, unpacked where a project's own packages are."""

import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.system.rig.node import find_node
from tests.system.rig.process import ROOT

NEEDED = (
    "@socket.io", "debug", "engine.io-client", "engine.io-parser", "ms", "socket.io-client", "socket.io-parser", "ws",
    "xmlhttprequest-ssl",
)  # fmt: skip
COMPILER = ROOT / "node_modules/typescript/bin/tsc"
BUNDLER = ROOT / "node_modules/esbuild/bin/esbuild"
BUNDLE = ("src/index.js", "--bundle", "--minify", "--format=esm", "--target=es2022")


def node(folder: Path, *command: object) -> str:
    """What a program for Node says, which must end well."""
    arguments = [find_node("typescript"), *map(str, command)]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pack(folder: Path) -> Path:
    """A project in ``folder`` that has the package installed; returns where it is."""
    source = folder / "source"
    shutil.copytree(ROOT / "client", source, ignore=shutil.ignore_patterns("types", "dist", "*.tgz"))
    (source / "node_modules").symlink_to(ROOT / "node_modules")
    node(source, COMPILER, "-p", "tsconfig.json")
    node(source, BUNDLER, *BUNDLE, "--outfile=dist/parley.bundle.js")
    subprocess.run(["npm", "pack", "--ignore-scripts"], cwd=source, check=True, capture_output=True)
    project = folder / "project"
    modules = project / "node_modules"
    modules.mkdir(parents=True)
    for needed in NEEDED:
        (modules / needed).symlink_to(ROOT / "node_modules" / needed)
    with tarfile.open(next(source.glob("*.tgz"))) as packed:
        packed.extractall(modules, filter="data")
    (modules / "package").rename(modules / "parley-client")
    return project
