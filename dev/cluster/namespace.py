"""The node's own network, mount table and cgroup, as if it were a machine of its own.

The network namespace keeps the host's iptables and interfaces untouched. The mount namespace takes
the mounts of every pod with it when it goes, and hides the folders whose names container tools
hard-code. Both are held open by bind mounts in the state folder, so they outlive the processes.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dev import processes
from dev.commands import ask, run
from dev.console import Failure
from dev.files import write

HOST_ADDRESS, NODE_ADDRESS, PREFIX = "10.199.0.1", "10.199.0.2", 24
HOST_LINK = "contender-dev"
CGROUP = "contender-dev"
CGROUPS = Path("/sys/fs/cgroup")
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.route_localnet=1",
    "net.bridge.bridge-nf-call-iptables=1",
)


class Namespace:
    """Makes, enters and removes the node's surroundings."""

    def __init__(self, state: Path):
        self._state = state
        self._handles = state / "namespaces"
        self._network = self._handles / "net"
        self._mounts = self._handles / "mnt"
        self._complete = self._handles / "complete"

    def exists(self) -> bool:
        """Whether create has finished, and nothing was destroyed or lost in a reboot since."""
        return self._complete.exists() and os.path.exists(f"/sys/class/net/{HOST_LINK}")

    def enter(self) -> list[str]:
        """Command prefix for the node's own processes."""
        return ["nsenter", f"--net={self._network}", f"--mount={self._mounts}", "--"]

    def enter_network(self) -> list[str]:
        """Command prefix for anyone who wants to reach pods and services, with the host's files."""
        return ["nsenter", f"--net={self._network}", "--"]

    def create(self, service_range: str) -> None:
        """Set everything up from nothing."""
        self._hold_namespaces_open()
        self._connect_to_host(service_range)
        self._cover_shared_folders()
        self._make_cgroup()
        self._complete.touch()

    def destroy(self, residents: Iterable[int]) -> None:
        """End every process inside and leave nothing behind, whatever state things are in.

        ``residents`` are processes known to live inside: they lead to the others even when the
        handles are lost.
        """
        self._end_processes(self._namespaces(residents))
        for handle in (self._mounts, self._network, self._handles):
            if os.path.ismount(handle):
                run("umount", handle)
        if os.path.exists(f"/sys/class/net/{HOST_LINK}"):
            run("ip", "link", "delete", HOST_LINK)
        self._remove_cgroup()

    def _hold_namespaces_open(self) -> None:
        self._handles.mkdir(parents=True, exist_ok=True)
        # A mount namespace can only be held open on a mount that is not propagated into it.
        run("mount", "-t", "tmpfs", "-o", "mode=700", "contender-dev", self._handles)
        run("mount", "--make-private", self._handles)
        for handle in (self._network, self._mounts):
            handle.touch()
        namespaces = [f"--net={self._network}", f"--mount={self._mounts}"]
        run("unshare", *namespaces, "--propagation=private", "true")

    def _connect_to_host(self, service_range: str) -> None:
        peer = ["peer", "name", "eth0", "netns", self._network]
        run("ip", "link", "add", HOST_LINK, "type", "veth", *peer)
        run("ip", "address", "add", f"{HOST_ADDRESS}/{PREFIX}", "dev", HOST_LINK)
        run("ip", "link", "set", HOST_LINK, "up")
        inside = self.enter_network()
        run(*inside, "ip", "address", "add", f"{NODE_ADDRESS}/{PREFIX}", "dev", "eth0")
        run(*inside, "ip", "link", "set", "eth0", "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        # No default route: nothing inside can reach beyond this machine. Service addresses still
        # need some route, as the kernel looks for one before kube-proxy's rules rewrite them.
        run(*inside, "ip", "route", "add", service_range, "dev", "eth0")
        ask("modprobe", "br_netfilter")  # often built in, and then there is nothing to load
        run(*inside, "sysctl", "-qw", *_SYSCTLS)

    def _cover_shared_folders(self) -> None:
        """Give the node its own version of folders that its programs write to by fixed name."""
        inside = self.enter()
        # Pods may ask for mount propagation, which needs a shared mount to start from.
        run(*inside, "mount", "--make-rshared", "/")
        for folder in ("/run", "/var/log"):
            run(*inside, "mount", "-t", "tmpfs", "contender-dev", folder)
        for folder in ("/var/lib/kubelet", "/var/lib/cni"):
            private = self._state / Path(folder).name
            private.mkdir(exist_ok=True)
            Path(folder).mkdir(parents=True, exist_ok=True)
            run(*inside, "mount", "--bind", private, folder)
        # Image pulls ask the node's own name server, which denies outside names at once.
        resolver = self._state / "resolv.conf"
        write(resolver, f"nameserver {NODE_ADDRESS}\n")
        target = Path("/etc/resolv.conf").resolve()
        run(*inside, "mkdir", "-p", target.parent)
        run(*inside, "touch", target)
        run(*inside, "mount", "--bind", resolver, target)

    def _make_cgroup(self) -> None:
        """Pods live under one cgroup of ours, so that down can find and remove them all."""
        unified = CGROUPS / "cgroup.subtree_control"
        if unified.exists():
            available = (CGROUPS / "cgroup.controllers").read_text().split()
            try:
                unified.write_text(" ".join(f"+{controller}" for controller in available))
            except OSError as error:
                message = f"pods cannot have cgroups here: {unified}: {error.strerror}"
                raise Failure(message) from error
        for hierarchy in _hierarchies():
            (hierarchy / CGROUP).mkdir(exist_ok=True)

    def _remove_cgroup(self) -> None:
        for hierarchy in _hierarchies():
            for folder, _, _ in os.walk(hierarchy / CGROUP, topdown=False):
                _remove_busy_folder(Path(folder))

    def _namespaces(self, residents: Iterable[int]) -> set[int]:
        """The namespaces that are ours to clear, by inode; never the one this program runs in."""
        handles = [handle for handle in (self._network, self._mounts) if os.path.ismount(handle)]
        inodes = {handle.stat().st_ino for handle in handles}
        for pid in residents:
            inodes |= _namespaces_of(pid)
        return inodes - _namespaces_of(os.getpid())

    def _end_processes(self, namespaces: set[int]) -> None:
        """Find them by namespace and cgroup: shims are orphans, and records may be lost."""
        deadline = time.monotonic() + 20
        while pids := _processes(namespaces):
            processes.end(pids, patience=1)
            if time.monotonic() > deadline:
                raise Failure(f"these processes of the node do not end: {sorted(pids)}")


def _processes(namespaces: set[int]) -> set[int]:
    """Every process of the machine in one of these namespaces or in a cgroup of the pods."""
    running = {int(entry.name) for entry in Path("/proc").glob("[0-9]*")}
    found = {pid for pid in running if _namespaces_of(pid) & namespaces}
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / CGROUP):
            with suppress(OSError):  # pods' cgroups come and go while we look
                found.update(map(int, Path(folder, "cgroup.procs").read_text().split()))
    return found - {0}  # stands for processes that cannot be seen from here


def _namespaces_of(pid: int) -> set[int]:
    """The inodes of a process's network and mount namespaces; none if it is gone or not ours."""
    try:
        return {os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in ("net", "mnt")}
    except OSError:
        return set()


def _hierarchies() -> list[Path]:
    """The cgroup v2 root, or every controller's root of cgroup v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    roots = {folder.resolve() for folder in CGROUPS.iterdir()}
    return sorted(root for root in roots if (root / "cgroup.procs").exists())


def _remove_busy_folder(folder: Path) -> None:
    """A cgroup stays busy for a moment after its last process has ended."""
    for _ in range(100):
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
