"""The tree is the table of contents: what may lie where, and what no module may contain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "ossamma"
TESTS = ROOT / "tests"

# From the top floor to the ground; the import contracts say the same in pyproject.toml.
ROOMS = frozenset(
    {
        "cli",
        "pipeline",
        "ingestion",
        "graph",
        "serving",
        "export",
        "evaluation",
        "training",
        "spacy_path",
        "inference",
        "model",
        "tokenization",
        "data",
        "schema",
        "profiles",
    }
)
NAMELESS = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})
MAX_LINES = 400
FUTURE = "from __future__ import annotations"

MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def has_code(tree: ast.Module) -> bool:
    """Whether there is anything beside the docstring."""
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def is_prose_of_a_sentence(docstring: str | None) -> bool:
    """Whether the first line begins and ends as a sentence does."""
    first = (docstring or "").partition("\n")[0].strip()
    return len(first.split()) > 1 and not first[0].islower() and first[-1] in ".!?"


def forbidden_constructs(tree: ast.Module, *, may_print: bool = False) -> Iterator[str]:
    """Names each construct that no module of ours may contain, with its line."""
    for node in ast.walk(tree):
        for what in _of_import(node) + _of_call(node, may_print=may_print) + _of_name(node):
            yield f"line {getattr(node, 'lineno', '?')}: {what}"


def _of_import(node: ast.AST) -> list[str]:
    modules = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    return [f"import of {name}" for name in modules if name.partition(".")[0] in unsafe]


def _of_call(node: ast.AST, *, may_print: bool) -> list[str]:
    if not isinstance(node, ast.Call):
        return []
    function = ast.unparse(node.func)
    arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    builtins = {"eval", "exec"} if may_print else {"eval", "exec", "print"}
    found = [f"{function}()"] if function in builtins else []
    if function == "torch.load" and arguments.get("weights_only") != "True":
        found.append("torch.load() without weights_only=True")
    if arguments.get("shell", "False") != "False" or function in {"os.system", "os.popen"}:
        found.append("a command through the shell")
    return found


def _of_name(node: ast.AST) -> list[str]:
    names = (
        getattr(node, "arg", None),  # a keyword or a parameter
        getattr(node, "attr", None),
        getattr(node, "id", None),
        getattr(node, "value", None) if isinstance(node, ast.Constant) else None,  # a key
    )
    return ["trust_remote_code"] if "trust_remote_code" in names else []


@pytest.fixture(params=MODULES, ids=name_of)
def module(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_a_module_is_short(module):
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines; split it by noun"


def test_a_module_says_what_it_is_for(module):
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert is_prose_of_a_sentence(docstring), (
        f"the docstring must begin with a line that is a sentence, got {docstring!r:.80}"
    )


def test_a_module_postpones_its_annotations(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    if has_code(tree):
        after_docstring = tree.body[ast.get_docstring(tree) is not None]
        assert ast.unparse(after_docstring) == FUTURE


def test_a_module_contains_nothing_forbidden(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    may_print = name_of(module).startswith("cli/")
    assert list(forbidden_constructs(tree, may_print=may_print)) == []


def test_no_room_is_nameless():
    nameless = [
        name_of(path) for path in SOURCE.rglob("*") if path.stem.strip("_").lower() in NAMELESS
    ]
    assert nameless == []


def test_only_known_rooms_stand_in_the_house():
    found = {path.name for path in SOURCE.iterdir() if path.name != "__pycache__"}
    assert found - ROOMS == {"__init__.py", "py.typed"}


def test_every_room_is_a_package():
    folders = {path.parent for path in MODULES}
    assert {name_of(f) for f in folders if not (f / "__init__.py").is_file()} == set()


def test_profiles_are_data_only():
    code = [
        name_of(path)
        for path in (SOURCE / "profiles").rglob("*.py")
        if has_code(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert code == []


def test_every_room_with_code_has_its_tests():
    rooms = {path.parent for path in MODULES if path.name != "__init__.py"}
    untested = [
        name_of(room)
        for room in sorted(rooms)
        if not any((TESTS / room.relative_to(SOURCE)).glob("**/test_*.py"))
    ]
    assert untested == []


def test_every_folder_of_tests_mirrors_a_room():
    # These run across rooms; everything else sits beside the room that it tests.
    across = {"golden", "e2e"}
    strays = [
        path.relative_to(TESTS).as_posix()
        for path in sorted({file.parent for file in TESTS.rglob("test_*.py")} - {TESTS})
        if path.relative_to(TESTS).parts[0] not in across
        and not (SOURCE / path.relative_to(TESTS)).is_dir()
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("print('x')", "print()"),
        ("eval('1')", "eval()"),
        ("def f():\n    exec('1')", "exec()"),
        ("import pickle", "import of pickle"),
        ("from pickle import loads", "import of pickle"),
        ("import joblib.memory", "import of joblib"),
        ("torch.load(path)", "torch.load() without weights_only=True"),
        ("torch.load(path, weights_only=False)", "torch.load() without weights_only=True"),
        ("load(path, trust_remote_code=True)", "trust_remote_code"),
        ("def f(trust_remote_code): ...", "trust_remote_code"),
        ("options = {'trust_remote_code': True}", "trust_remote_code"),
        ("run(command, shell=True)", "a command through the shell"),
        ("run(command, shell=is_posix)", "a command through the shell"),
        ("os.system(command)", "a command through the shell"),
    ],
)
def test_the_law_sees_what_it_forbids(code, what):
    assert what in "\n".join(forbidden_constructs(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "model.eval()",
        "table.print()",
        "torch.load(path, weights_only=True)",
        "run(command, shell=False)",
        "'''Refuses trust_remote_code and print().'''",
    ],
)
def test_the_law_leaves_the_rest_alone(code):
    assert list(forbidden_constructs(ast.parse(code))) == []


@pytest.mark.parametrize(
    ("docstring", "good"),
    [
        ("Readers of column formats.", True),
        ("Readers of column formats.\n\nB batch.", True),
        ("readers of column formats.", False),
        ("Readers of column\nformats.", False),
        ("Readers.", False),
        ("", False),
        (None, False),
    ],
)
def test_the_law_knows_a_sentence(docstring, good):
    assert is_prose_of_a_sentence(docstring) is good
