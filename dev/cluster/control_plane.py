"""The two processes that every cluster starts with, for the node and for tests alike."""

from pathlib import Path

from dev.cluster.pki import Authority

SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def issue_certificates(authority: Authority, address: str) -> None:
    """What kube-apiserver presents, what it signs with, and the administrator's identity."""
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names = [*service, "kubernetes.default.svc.cluster.local", "localhost"]
    addresses = dict.fromkeys(["127.0.0.1", API_SERVICE_ADDRESS, address])
    authority.issue("apiserver", "/CN=kube-apiserver", names, addresses)
    authority.issue("front-proxy-client", "/CN=front-proxy-client")
    authority.issue("admin", "/O=system:masters/CN=admin")
    authority.issue_signing_key("service-accounts")


def etcd_command(data: Path, client_port: int, peer_port: int) -> list[str]:
    """A single etcd that does not wait for the disk: its data may be lost with the machine."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        "etcd",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--logger=zap",
    ]


def apiserver_command(
    binary: Path, authority: Authority, address: str, port: int, etcd_port: int
) -> list[str]:
    """A kube-apiserver with the admission plugins and authorizers of an ordinary cluster."""
    return [
        str(binary),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={authority.certificate('apiserver')}",
        f"--tls-private-key-file={authority.key('apiserver')}",
        f"--client-ca-file={authority.ca}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={authority.public_key('service-accounts')}",
        f"--service-account-signing-key-file={authority.key('service-accounts')}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--requestheader-client-ca-file={authority.ca}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={authority.certificate('front-proxy-client')}",
        f"--proxy-client-key-file={authority.key('front-proxy-client')}",
    ]
