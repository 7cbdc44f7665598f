"""Containers: the model, its transformer, and the retraining job."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import (
    ATOMIC,
    ApiModel,
    EnvName,
    HttpPath,
    Image,
    LabelValue,
    ObjectName,
    Port,
    Resources,
    Words,
    duration,
    list_map,
    rule,
    rules,
)

ConfigKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]


FIELD_PATTERN = (
    r"^(metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$"
)
"""What Kubernetes lets an environment variable say about its pod."""

RESOURCE_PATTERN = r"^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-[^\s]+)$"


class KeySelector(ApiModel):
    """One key of a ConfigMap or Secret in the same namespace."""

    name: ObjectName
    """Name of the ConfigMap or Secret."""
    key: ConfigKey
    """Key within it."""
    optional: bool | None = None
    """Whether the pod may start when the object or key is missing."""


class ObjectFieldSelector(ApiModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(pattern=FIELD_PATTERN, max_length=400)]
    """Path of the field, for example `metadata.name` or `status.podIP`."""


class ResourceFieldSelector(ApiModel):
    """A resource of the container."""

    resource: Annotated[str, Field(pattern=RESOURCE_PATTERN, max_length=253)]
    """For example `limits.memory`."""
    divisor: Annotated[str, Field(pattern=r"^1(m|[kMGTPE]|[KMGTPE]i)?$", max_length=3)] | None = (
        None
    )
    """Output format of the resource, default `1`."""


class EnvVarSource(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef), "
            "has(self.resourceFieldRef)].filter(x, x).size() == 1",
            "set exactly one of secretKeyRef, configMapKeyRef, fieldRef, resourceFieldRef",
        )
    ),
):
    """Where the value of an environment variable comes from: exactly one."""

    secret_key_ref: KeySelector | None = None
    """A key of a Secret in the same namespace."""
    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap in the same namespace."""
    field_ref: ObjectFieldSelector | None = None
    """A field of the pod."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A resource of the container."""


class EnvVar(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "!(has(self.value) && has(self.valueFrom))",
            "set value or valueFrom, not both",
        )
    ),
):
    """One environment variable."""

    name: EnvName
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] = ""
    """Its value; `$(OTHER)` is expanded as in any Kubernetes container."""
    value_from: EnvVarSource | None = None
    """Where the value comes from, instead of `value`."""


class ObjectReference(ApiModel):
    """A ConfigMap or Secret as a whole."""

    name: ObjectName
    """Name of the object in the same namespace."""
    optional: bool | None = None
    """Whether the pod may start when the object is missing."""


class EnvFromSource(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.configMapRef) != has(self.secretRef)",
            "set exactly one of configMapRef, secretRef",
        )
    ),
):
    """All keys of one ConfigMap or Secret as environment variables."""

    prefix: Annotated[str, Field(max_length=253)] = ""
    """Put before each key."""
    config_map_ref: ObjectReference | None = None
    """The ConfigMap to read."""
    secret_ref: ObjectReference | None = None
    """The Secret to read."""


class ResourceRequirements(ApiModel):
    """Compute resources, as in any Kubernetes container."""

    requests: Resources | None = None
    """What the scheduler sets aside. A CPU scaling metric needs `requests.cpu`."""
    limits: Resources | None = None
    """What the container may not exceed."""


class VolumeMount(ApiModel):
    """A volume of `pod.volumes` seen by this container."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the volume."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=1024)]
    """Where it appears in the container."""
    sub_path: Annotated[str, Field(max_length=1024)] = ""
    """Only this path within the volume."""
    read_only: bool = False
    """Mount it read-only."""


class Capabilities(ApiModel):
    """Linux capabilities. All are dropped; only this one may come back."""

    add: Annotated[list[Literal["NET_BIND_SERVICE"]], Field(max_length=1, json_schema_extra=ATOMIC)]
    """Capabilities to keep."""


UserId = Annotated[int, Field(ge=0, le=2147483647)]


class ContainerSecurityContext(ApiModel):
    """Security settings of the container.

    Privilege escalation is never allowed, all capabilities are dropped, and the runtime's default
    seccomp profile applies, whatever is set here.
    """

    run_as_user: UserId | None = None
    """User id of the process."""
    run_as_group: UserId | None = None
    """Primary group id of the process."""
    run_as_non_root: bool | None = None
    """Refuse to start as user 0."""
    read_only_root_filesystem: bool | None = None
    """Mount the image read-only."""
    capabilities: Capabilities | None = None
    """Capabilities to keep, to listen below port 1024 as non-root."""


class GrpcProbe(ApiModel):
    """The gRPC health-checking protocol."""

    service: Annotated[str, Field(max_length=253)] = ""
    """Service name to ask for; empty asks for the server as a whole."""


class TcpProbe(ApiModel):
    """The port accepts connections."""


PROBE_HANDLER = rule(
    "[has(self.path), has(self.grpc), has(self.tcp)].filter(x, x).size() <= 1",
    "set at most one of path (HTTP GET), grpc, tcp",
)


class Liveness(
    ApiModel,
    json_schema_extra=rules(PROBE_HANDLER),
):
    """When a running container is restarted."""

    path: HttpPath | None = None
    """HTTP path that answers 200..399 while the process can go on."""
    grpc: GrpcProbe | None = None
    """gRPC health check instead of a path."""
    tcp: TcpProbe | None = None
    """TCP connection instead of a path; also the default."""
    period: Annotated[str, duration("1s", "1h")] = "10s"
    """Time between two checks."""
    timeout: Annotated[str, duration("1s", "5m")] = "1s"
    """Time an answer may take."""
    failure_threshold: Annotated[int, Field(ge=1, le=100)] = 3
    """Failures in a row before the container is restarted."""


class Probes(
    ApiModel,
    json_schema_extra=rules(PROBE_HANDLER),
):
    """When a container is ready for callers."""

    path: HttpPath | None = None
    """HTTP path that answers 200..399 when the container can take requests."""
    grpc: GrpcProbe | None = None
    """gRPC health check instead of a path."""
    tcp: TcpProbe | None = None
    """TCP connection instead of a path; also the default."""
    port: Port | None = None
    """Port that is asked, default the container's port."""
    period: Annotated[str, duration("1s", "1h")] | None = None
    """Time between two checks: 10s unless set, 1s with `warmup.requests`."""
    timeout: Annotated[str, duration("1s", "5m")] = "1s"
    """Time an answer may take."""
    failure_threshold: Annotated[int, Field(ge=1, le=100)] = 3
    """Failures in a row before the pod gets no more callers."""
    startup_timeout: Annotated[str, duration("1s", "24h")] | None = None
    """How long a container may take to answer for the first time before it is restarted.
    Unlimited unless set, 10m with `liveness`."""
    liveness: Liveness | None = None
    """Restart the container when this check fails; absent: never."""


class Warmup(ApiModel):
    """What a new pod must do before it gets callers."""

    requests: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Successful readiness answers in a row before the first caller comes. A readiness path that
    runs a prediction so warms up caches and compilers."""
    min_ready: Annotated[str, duration("1s", "1h")] | None = None
    """How long a pod must have been ready without a crash before it counts as available."""


class ContainerBase(ApiModel):
    """What a container of the model, its transformer and the retraining job have in common."""

    image: Image
    """Container image; any language. A digest (`name@sha256:...`) never changes under you."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the node pulls the image, as in any Kubernetes container."""
    command: Words | None = None
    """Replaces the image's entrypoint."""
    args: Words | None = None
    """Replaces the image's arguments."""
    env: (
        Annotated[list[EnvVar], Field(max_length=256, json_schema_extra=list_map("name"))] | None
    ) = None
    """Environment variables."""
    env_from: (
        Annotated[list[EnvFromSource], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """ConfigMaps and Secrets whose keys become environment variables."""
    resources: ResourceRequirements | None = None
    """CPU, memory and devices."""
    volume_mounts: (
        Annotated[list[VolumeMount], Field(max_length=64, json_schema_extra=list_map("mountPath"))]
        | None
    ) = None
    """Volumes of `pod.volumes` that this container sees."""
    security_context: ContainerSecurityContext | None = None
    """Security settings of the container."""


class Model(ContainerBase):
    """The container that answers predictions."""

    version: LabelValue
    """The name people and metrics use for this model."""
    port: Port = 8080
    """Port on which the container answers, default 8080."""
    protocol: Literal["HTTP1", "H2C"] = "HTTP1"
    """HTTP1 (default), or H2C for HTTP/2 without TLS, which gRPC needs."""
    probes: Probes | None = None
    """When the container is ready; absent: when its port accepts connections."""
    warmup: Warmup | None = None
    """What a new pod must do before it gets callers."""


class Transformer(ContainerBase):
    """Pre- and post-processing in the same pod, in front of the model.

    Callers reach the transformer; it finds the model under the URL in the environment variable
    CONTENDER_MODEL_URL. Model and transformer are one revision and change together.
    """

    port: Port = 8081
    """Port on which the transformer answers callers, default 8081."""
    probes: Probes | None = None
    """When the container is ready; absent: when its port accepts connections."""
