import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contender.cli import asking
from tests.unit.cli.kubectl import Kubectl
from tests.unit.cli.server import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def kubectl(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """A kubectl that leads to the stand-in of the recorder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    source = Path(__file__).with_name("kubectl_program.py").read_text()
    program.write_text(f"#!{sys.executable}\n{source}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("KUBECTL", raising=False)
    monkeypatch.setenv("FAKE_KUBECTL_LOG", str(tmp_path / "kubectl.log"))
    monkeypatch.setenv("FAKE_KUBECTL_PORT", str(recorder.port))
    objects = tmp_path / "objects"
    objects.mkdir()
    monkeypatch.setenv("FAKE_KUBECTL_OBJECTS", str(objects))
    return Kubectl(program, tmp_path / "kubectl.log", objects)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests, and nothing of the environment is meant for them."""
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    for name in ("CONTENDER_TOKEN_FILE", "CONTENDER_ROWS_URL", "CONTENDER_STORE"):
        monkeypatch.delenv(name, raising=False)
