"""Kubernetes, CoreDNS and metrics-server, built from source through the Go module proxy.

Each is an ordinary module pinned by a committed go.mod and go.sum in ``go/``. A binary is kept in
the cache under the hash of its pins, so a changed pin builds anew and an unchanged one never.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev import golang
from dev.commands import run
from dev.console import Failure, say
from dev.files import appearing_whole, exclusive
from dev.paths import cache

MODULES = Path(__file__).parent / "go"


@dataclass(frozen=True)
class Binary:
    """One program: the module that pins it, its Go package, and the seconds of a first build."""

    name: str
    module: str
    package: str
    seconds: int


BINARIES = {
    binary.name: binary
    for binary in (
        Binary("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 280),
        Binary("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", 30),
        Binary(
            "kube-controller-manager",
            "kubernetes",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            70,
        ),
        Binary("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", 10),
        Binary("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet", 20),
        Binary("kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", 10),
        Binary("coredns", "coredns", "github.com/coredns/coredns", 120),
        Binary("pause", "pause", "contender.dev/cluster/pause", 2),
        Binary(
            "metrics-server", "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", 250
        ),
    )
}


def ensure(*names: str) -> dict[str, Path]:
    """Build those of the named binaries that the cache lacks; return where each one is.

    The binaries of one module are built one after another, for they share what is compiled. Modules
    are built side by side: a program is linked on one core, and the others need not wait.
    """
    paths = {name: _path(BINARIES[name]) for name in names}
    missing: dict[str, list[str]] = {}
    for name, path in paths.items():
        if not path.exists():
            missing.setdefault(BINARIES[name].module, []).append(name)
    with ThreadPoolExecutor(max_workers=max(1, len(missing))) as threads:
        built = [threads.submit(_build_all, wanted, paths) for wanted in missing.values()]
    for one in built:
        one.result()
    return paths


def _build_all(names: list[str], paths: dict[str, Path]) -> None:
    """Build binaries of one module, and none that another run builds at the same time."""
    for name in names:
        lock = cache() / "locks" / f"go-build-{BINARIES[name].module}"
        with exclusive(lock, f"building {name}"):
            if not paths[name].exists():
                _build(BINARIES[name], paths[name])


def _path(binary: Binary) -> Path:
    digest = hashlib.sha256(_linker_flags(binary).encode())
    for file in ("go.mod", "go.sum"):
        digest.update((MODULES / binary.module / file).read_bytes())
    return cache() / "bin" / f"{binary.module}-{digest.hexdigest()[:12]}" / binary.name


def _build(binary: Binary, path: Path) -> None:
    say(f"building {binary.name} (about {binary.seconds} s the first time on two cores)")
    go = golang.find()
    with appearing_whole(path) as output:
        options = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-o", output]
        run(
            *(go, "build", *options, "-ldflags", _linker_flags(binary), binary.package),
            cwd=MODULES / binary.module,
            env=golang.environment(go),
        )
    say(f"built {binary.name}")


def _linker_flags(binary: Binary) -> str:
    """Strip the binary; tell Kubernetes its version, which an ordinary module build leaves out."""
    if binary.module != "kubernetes":
        return "-s -w"
    version = _kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {package}.{key}={value}" for package in packages for key, value in values.items()
    ]
    return " ".join(["-s -w", *settings])


def _kubernetes_version() -> str:
    for line in (MODULES / "kubernetes" / "go.mod").read_text().splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == ["k8s.io/kubernetes"]:
            return words[1]
    raise Failure("go/kubernetes/go.mod does not require k8s.io/kubernetes")
