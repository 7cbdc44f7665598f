"""The one node: its files, its processes, and the steps that bring it up and take it down."""

import base64
import functools
import shutil
import string
import subprocess
from collections.abc import Callable
from pathlib import Path

from dev import system
from dev.cluster import binaries, control_plane
from dev.cluster.namespace import CGROUP, NODE_ADDRESS, Namespace
from dev.cluster.pki import Authority
from dev.commands import ask
from dev.console import Failure, say
from dev.files import exclusive, write
from dev.images import builder
from dev.paths import KUBECONFIG, cache, state
from dev.processes import Service, running_in

NAME = "contender"
SERVER = f"https://{NODE_ADDRESS}:6443"
POD_RANGE = "10.244.0.0/16"
DNS_ADDRESS = "10.96.0.10"
METRICS_PORT = 10280
METRICS_KUBECONFIGS = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
PAUSE_IMAGE = "localhost/contender-dev/pause:1"
TEMPLATES = Path(__file__).parent / "templates"
CONFIGURATION = {
    "containerd": "containerd.toml",
    "kubelet": "kubelet.yaml",
    "coredns": "Corefile",
}
BEFORE_THE_API = ("etcd", "containerd", "kube-apiserver")
AFTER_THE_API = (
    "kubelet",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "coredns",
    "metrics-server",
)
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


class Node:
    """A Kubernetes node and control plane in a namespace of its own."""

    def __init__(self) -> None:
        self._state = state()
        self._namespace = Namespace(self._state)
        self._pki = self._state / "pki"
        self._volume = self._state / "volume"
        self._lock = cache() / "locks" / "cluster"

    def up(self) -> None:
        """Bring the cluster up, mend it, or find that it is well already."""
        system.require_root("the cluster")
        system.ensure("cluster", "apiserver", "images")
        programs = binaries.ensure(*binaries.BINARIES)
        with exclusive(self._lock, "starting or stopping the cluster"):
            if self._namespace.exists():
                self._mend(programs)
            else:
                self._start_afresh(programs)
            shutil.copyfile(self._pki / "admin.kubeconfig", KUBECONFIG)
            KUBECONFIG.chmod(0o600)

    def down(self) -> None:
        """Take everything away, whatever state it is in."""
        system.require_root("the cluster")
        with exclusive(self._lock, "starting or stopping the cluster"):
            self._discard()
        KUBECONFIG.unlink(missing_ok=True)

    def command_inside(self, command: list[str]) -> list[str]:
        """The command line that runs a command in the node's network."""
        system.require_root("the node's network")
        if not self._namespace.exists():
            raise Failure("the local cluster is not up: make cluster")
        return [*self._namespace.enter_network(), *command]

    def _mend(self, programs: dict[str, Path]) -> None:
        """Start what has died; where that does not help, start over."""
        try:
            self._start(programs)
        except Failure as failure:
            reason = str(failure).splitlines()[0]
            say(f"the cluster cannot be mended, starting over ({reason})")
            self._start_afresh(programs)

    def _start_afresh(self, programs: dict[str, Path]) -> None:
        self._discard()
        self._state.mkdir(parents=True, mode=0o755)
        self._namespace.create(control_plane.SERVICE_RANGE)
        self._start(programs)

    def _discard(self) -> None:
        self._namespace.destroy(residents=running_in(self._state / "services"))
        shutil.rmtree(self._state, ignore_errors=True)

    def _start(self, programs: dict[str, Path]) -> None:
        """Write all files, start in order whatever does not run, and wait until pods can run."""
        self._issue_certificates()
        self._write_files()
        commands = self._commands(programs)
        services = {name: self._service(name, command) for name, command in commands.items()}
        kubectl = self._kubectl(programs["kubectl"])
        started = self._start_services(services, BEFORE_THE_API)
        server = services["kube-apiserver"]
        server.wait(lambda: kubectl("get", "--raw", "/readyz").returncode == 0, seconds=60)
        self._load_pause_image(programs["pause"])
        started += self._start_services(services, AFTER_THE_API)
        self._apply_addons(kubectl)
        services["kubelet"].wait(lambda: _is(kubectl, "Ready", "node", NAME), seconds=60)
        metrics = ("apiservice", "v1beta1.metrics.k8s.io")
        services["metrics-server"].wait(lambda: _is(kubectl, "Available", *metrics), seconds=60)
        if started:
            say(f"the cluster is up (started {', '.join(started)})")
        else:
            say("the cluster is up already")

    def _start_services(self, services: dict[str, Service], names: tuple[str, ...]) -> list[str]:
        """Start those of the named services that do not run; return their names."""
        missing = [name for name in names if not services[name].running()]
        for name in missing:
            services[name].start()
        return missing

    def _service(self, name: str, command: list[str]) -> Service:
        files = [self._state / CONFIGURATION[name]] if name in CONFIGURATION else []
        inside = [*self._namespace.enter(), *command]
        return Service(self._state / "services", name, inside, files)

    def _kubectl(self, program: Path) -> Kubectl:
        """A function that runs kubectl as the administrator."""
        kubeconfig = f"--kubeconfig={self._pki / 'admin.kubeconfig'}"
        return functools.partial(ask, program, kubeconfig, "--request-timeout=10s")

    def _issue_certificates(self) -> None:
        authority = Authority(self._pki)
        control_plane.issue_certificates(authority, NODE_ADDRESS)
        authority.issue("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client")
        authority.issue("kubelet", f"/O=system:nodes/CN=system:node:{NAME}", [NAME], [NODE_ADDRESS])
        authority.issue("metrics-server", "/CN=metrics-server", ["metrics-server.kube-system.svc"])
        authority.issue("addons", "/O=system:masters/CN=contender-dev-addons")
        for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            authority.issue(component, f"/CN=system:{component}")
            authority.kubeconfig(component, SERVER)
        for identity in ("admin", "kubelet", "addons"):
            authority.kubeconfig(identity, SERVER)

    def _write_files(self) -> None:
        for folder in ("services", "cni-conf"):
            (self._state / folder).mkdir(exist_ok=True)
        self._volume.mkdir(exist_ok=True)
        self._volume.chmod(0o777)  # users of pods are not known here
        write(self._state / "cni-conf" / "10-pods.conflist", self._render("pods.conflist"))
        for file in CONFIGURATION.values():
            write(self._state / file, self._render(file))

    def _render(self, template: str) -> str:
        return string.Template((TEMPLATES / template).read_text()).substitute(
            state=self._state,
            pki=self._pki,
            ca=base64.b64encode((self._pki / "ca.crt").read_bytes()).decode(),
            cgroup=CGROUP,
            node_address=NODE_ADDRESS,
            dns_address=DNS_ADDRESS,
            pod_range=POD_RANGE,
            pause_image=PAUSE_IMAGE,
            metrics_port=METRICS_PORT,
            node_name=NAME,
            volume=self._volume,
        )

    def _commands(self, programs: dict[str, Path]) -> dict[str, list[str]]:
        """Every process of the node with its full command line."""
        authority, pki = Authority(self._pki), self._pki
        return {
            "etcd": control_plane.etcd_command(
                self._state / "etcd", client_port=2379, peer_port=2380
            ),
            "containerd": ["containerd", f"--config={self._state / 'containerd.toml'}"],
            "kube-apiserver": [
                *control_plane.apiserver_command(
                    programs["kube-apiserver"], authority, NODE_ADDRESS, port=6443, etcd_port=2379
                ),
                f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
                f"--kubelet-client-key={pki / 'kubelet-client.key'}",
                f"--kubelet-certificate-authority={authority.ca}",
                "--kubelet-preferred-address-types=InternalIP",
                # Requests to metrics-server go to its endpoint, past kube-proxy's rules.
                "--enable-aggregator-routing=true",
            ],
            "kube-controller-manager": [
                str(programs["kube-controller-manager"]),
                f"--kubeconfig={pki / 'kube-controller-manager.kubeconfig'}",
                "--use-service-account-credentials",
                f"--service-account-private-key-file={authority.key('service-accounts')}",
                f"--root-ca-file={authority.ca}",
                f"--cluster-cidr={POD_RANGE}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                # The default of 15 s only makes demos and tests wait.
                "--horizontal-pod-autoscaler-sync-period=5s",
            ],
            "kube-scheduler": [
                str(programs["kube-scheduler"]),
                f"--kubeconfig={pki / 'kube-scheduler.kubeconfig'}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
            ],
            "kubelet": [
                str(programs["kubelet"]),
                f"--config={self._state / 'kubelet.yaml'}",
                f"--kubeconfig={pki / 'kubelet.kubeconfig'}",
                f"--hostname-override={NAME}",
                f"--node-ip={NODE_ADDRESS}",
            ],
            "kube-proxy": [
                str(programs["kube-proxy"]),
                f"--kubeconfig={pki / 'kube-proxy.kubeconfig'}",
                f"--hostname-override={NAME}",
                f"--cluster-cidr={POD_RANGE}",
                "--proxy-mode=iptables",
                # Connection tracking limits are the host's; zero leaves them alone.
                "--conntrack-max-per-core=0",
                "--conntrack-min=0",
                "--conntrack-tcp-timeout-established=0s",
                "--conntrack-tcp-timeout-close-wait=0s",
            ],
            "coredns": [str(programs["coredns"]), f"-conf={self._state / 'Corefile'}"],
            "metrics-server": [
                str(programs["metrics-server"]),
                f"--secure-port={METRICS_PORT}",
                f"--tls-cert-file={pki / 'metrics-server.crt'}",
                f"--tls-private-key-file={pki / 'metrics-server.key'}",
                *(f"--{option}={pki / 'addons.kubeconfig'}" for option in METRICS_KUBECONFIGS),
                f"--kubelet-certificate-authority={authority.ca}",
                "--kubelet-preferred-address-types=InternalIP",
                "--metric-resolution=10s",
                "--kubelet-request-timeout=5s",
            ],
        }

    def _load_pause_image(self, program: Path) -> None:
        """The image that holds every pod's namespaces open: a single static program."""
        dockerfile = Path(__file__).parent / "pause.Dockerfile"
        builder.build(PAUSE_IMAGE, dockerfile, program.parent, {})
        builder.load(PAUSE_IMAGE)

    def _apply_addons(self, kubectl: Kubectl) -> None:
        result = kubectl("apply", "--server-side", "-f", "-", text=self._render("addons.yaml"))
        if result.returncode != 0:
            raise Failure(f"the add-ons could not be applied: {result.stderr.strip()}")


def _is(kubectl: Kubectl, condition: str, *resource: str) -> bool:
    """Whether a condition in the status of a resource is true."""
    path = f'--output=jsonpath={{.status.conditions[?(@.type=="{condition}")].status}}'
    return kubectl("get", *resource, path).stdout == "True"
