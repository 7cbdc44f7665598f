"""How the operator is run: command line and environment."""

from dataclasses import dataclass, field

from contender.core.snapshot import Installation


@dataclass(frozen=True)
class Settings:
    """Settings of one operator process."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; none means all."""
    workers: int = 16
    """Passes that may run side by side."""
    host: str = "0.0.0.0"  # noqa: S104 (probes come from the kubelet)
    """Address of the health and metrics endpoints."""
    lease: tuple[str, str] | None = None
    """Namespace and name of the Lease that this process must hold to write; None: it always may."""
    port: int = 8080
    """Port of the health and metrics endpoints; 0 means any free one."""
    installation: Installation = field(default_factory=Installation)
    """What holds for all ModelDeployments."""
