"""Certificates and kubeconfigs, made with openssl."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from dev.commands import run
from dev.files import write

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
_LIFETIME = ["-days", "3650"]


class Authority:
    """A certificate authority in a folder; what it issues lies beside it. What exists is kept."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.ca = folder / "ca.crt"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.ca.exists():
            subject = ["-subj", "/CN=contender-dev-ca"]
            files = ["-keyout", folder / "ca.key", "-out", self.ca]
            run("openssl", "req", "-x509", *_KEY, *_LIFETIME, *subject, *files)

    def issue(
        self, name: str, subject: str, names: Iterable[str] = (), addresses: Iterable[str] = ()
    ) -> None:
        """Make NAME.key and NAME.crt, good for a client, and for a server of these names."""
        certificate = self.certificate(name)
        if certificate.exists():
            return
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        lines = ["extendedKeyUsage=clientAuth,serverAuth"]
        alternatives = [f"DNS:{entry}" for entry in names] + [f"IP:{entry}" for entry in addresses]
        if alternatives:
            lines.append(f"subjectAltName={','.join(alternatives)}")
        extensions.write_text("\n".join(lines))
        subject_key = ["-subj", subject, "-keyout", self.key(name)]
        run("openssl", "req", *_KEY, *subject_key, "-out", request)
        signer = ["-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial"]
        options = [*signer, *_LIFETIME, "-extfile", extensions]
        run("openssl", "x509", "-req", "-in", request, *options, "-out", certificate)

    def issue_signing_key(self, name: str) -> None:
        """Make NAME.key and NAME.pub, for service account tokens."""
        if not self.public_key(name).exists():
            key = self.key(name)
            run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
            run("openssl", "ec", "-in", key, "-pubout", "-out", self.public_key(name))

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of a private key."""
        return self.folder / f"{name}.key"

    def public_key(self, name: str) -> Path:
        """Path of a public key."""
        return self.folder / f"{name}.pub"

    def kubeconfig(self, name: str, server: str) -> Path:
        """Write NAME.kubeconfig, which holds all it needs, so that it can be copied anywhere."""
        user = {
            "client-certificate-data": _base64(self.certificate(name)),
            "client-key-data": _base64(self.key(name)),
        }
        path = self.folder / f"{name}.kubeconfig"
        write_kubeconfig(path, server, self.ca, name, user)
        return path


def write_kubeconfig(path: Path, server: str, ca: Path, name: str, user: dict[str, str]) -> None:
    """Write a kubeconfig with one cluster and one user. JSON is YAML, and needs no library."""
    context = "contender-dev"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": _base64(ca)},
            }
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
        "current-context": context,
    }
    write(path, json.dumps(content, indent=2) + "\n", mode=0o600)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
