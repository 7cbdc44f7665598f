"""Pod settings: a bounded subset of Kubernetes' own pod fields, under their own names."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import (
    ATOMIC,
    LABEL_KEY_PATTERN,
    ApiModel,
    LabelKey,
    LabelMap,
    LabelText,
    Name,
    ObjectName,
    Quantity,
    StringMap,
    list_map,
    rule,
    rules,
)
from contender.api.v1alpha1.container import ConfigKey, UserId

Values = Annotated[list[LabelText], Field(max_length=64, json_schema_extra=ATOMIC)]

_COUNT = "(has(self.values) ? self.values.size() : 0)"


class Toleration(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "(has(self.key) && self.key != '')"
            " || (has(self.operator) && self.operator == 'Exists')",
            "set key, or operator: Exists to tolerate every taint",
        ),
        rule(
            "!(has(self.operator) && self.operator == 'Exists' && has(self.value)"
            " && self.value != '')",
            "operator Exists takes no value: remove value, or use operator Equal",
        ),
        rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds needs effect: NoExecute",
        ),
    ),
):
    """A taint that pods tolerate."""

    key: Annotated[str, Field(pattern=f"^$|{LABEL_KEY_PATTERN}", max_length=317)] = ""
    """Taint key; empty with operator Exists tolerates every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Relation of the key to the value."""
    value: LabelText = ""
    """Taint value."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Taint effect; empty: all."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """How long a NoExecute taint is tolerated."""


class SelectorRequirement(
    ApiModel,
    json_schema_extra=rules(
        rule(
            f"(self.operator in ['In', 'NotIn']) == ({_COUNT} > 0)",
            "In and NotIn need values; Exists and DoesNotExist take none",
            field=".values",
        )
    ),
):
    """A label selector requirement."""

    key: LabelKey
    """Label key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """Relation of the label to the values."""
    values: Values | None = None
    """Values for In and NotIn."""


class LabelSelector(ApiModel):
    """A label selector."""

    match_labels: LabelMap | None = None
    """Labels that must be equal."""
    match_expressions: (
        Annotated[list[SelectorRequirement], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements that must hold."""


class NodeRequirement(
    ApiModel,
    json_schema_extra=rules(
        rule(
            f"self.operator in ['Gt', 'Lt'] ? {_COUNT} == 1"
            f" : (self.operator in ['In', 'NotIn']) == ({_COUNT} > 0)",
            "In and NotIn need values, Gt and Lt one; Exists and DoesNotExist take none",
            field=".values",
        )
    ),
):
    """A node selector requirement."""

    key: LabelKey
    """Label of the node."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """Relation of the label to the values."""
    values: Values | None = None
    """Values to compare with."""


class NodeFieldRequirement(ApiModel):
    """A requirement on the node itself; its name is the only field that can be asked for."""

    key: Literal["metadata.name"]
    """Field of the node."""
    operator: Literal["In", "NotIn"]
    """Relation of the field to the value."""
    values: Annotated[list[ObjectName], Field(min_length=1, max_length=1, json_schema_extra=ATOMIC)]
    """One name of a node."""


class NodeSelectorTerm(ApiModel):
    """Requirements on one node, all of which must hold."""

    match_expressions: (
        Annotated[list[NodeRequirement], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements on the node's labels."""
    match_fields: (
        Annotated[list[NodeFieldRequirement], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements on the node's fields."""


class NodeSelector(ApiModel):
    """Terms, one of which must hold."""

    node_selector_terms: Annotated[
        list[NodeSelectorTerm], Field(min_length=1, max_length=32, json_schema_extra=ATOMIC)
    ]
    """The terms."""


Weight = Annotated[int, Field(ge=1, le=100)]


class PreferredSchedulingTerm(ApiModel):
    """A node that is preferred."""

    weight: Weight
    """How much it is preferred."""
    preference: NodeSelectorTerm
    """Which nodes."""


class NodeAffinity(ApiModel):
    """Which nodes pods may or should run on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    """Must hold."""
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[list[PreferredSchedulingTerm], Field(max_length=32, json_schema_extra=ATOMIC)]
        | None
    ) = None
    """Should hold."""


class PodAffinityTerm(ApiModel):
    """Pods to be near to, or away from."""

    label_selector: LabelSelector | None = None
    """Which pods."""
    topology_key: LabelKey
    """Node label that says what near means."""
    namespaces: Annotated[list[Name], Field(max_length=32, json_schema_extra=ATOMIC)] | None = None
    """Namespaces of the pods, default this one."""
    namespace_selector: LabelSelector | None = None
    """Namespaces by label."""


class WeightedPodAffinityTerm(ApiModel):
    """A pod affinity term that is preferred."""

    weight: Weight
    """How much it is preferred."""
    pod_affinity_term: PodAffinityTerm
    """Which pods."""


class PodAffinity(ApiModel):
    """Rules about other pods."""

    required_during_scheduling_ignored_during_execution: (
        Annotated[list[PodAffinityTerm], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """Must hold."""
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[list[WeightedPodAffinityTerm], Field(max_length=32, json_schema_extra=ATOMIC)]
        | None
    ) = None
    """Should hold."""


class Affinity(ApiModel):
    """Where pods may run, relative to nodes and other pods."""

    node_affinity: NodeAffinity | None = None
    """Rules about nodes."""
    pod_affinity: PodAffinity | None = None
    """Pods to be near to."""
    pod_anti_affinity: PodAffinity | None = None
    """Pods to be away from."""


class TopologySpreadConstraint(ApiModel):
    """How pods spread. Without a labelSelector the pods of the same revision are counted."""

    max_skew: Annotated[int, Field(ge=1)]
    """Largest difference between two topology domains."""
    topology_key: LabelKey
    """Node label that names the domain."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What to do with a pod that would break the rule."""
    label_selector: LabelSelector | None = None
    """Which pods are counted."""
    min_domains: Annotated[int, Field(ge=1)] | None = None
    """Least number of domains."""
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes excluded by affinity count."""
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    """Whether tainted nodes count."""


FileMode = Annotated[int, Field(ge=0, le=511)]


class KeyToPath(ApiModel):
    """One key as a file."""

    key: ConfigKey
    """Key of the ConfigMap or Secret."""
    path: Annotated[str, Field(min_length=1, max_length=1024)]
    """Path of the file within the volume."""
    mode: FileMode | None = None
    """File mode, decimal."""


Items = Annotated[list[KeyToPath], Field(max_length=128, json_schema_extra=ATOMIC)]


class ConfigMapVolume(ApiModel):
    """Keys of a ConfigMap as files."""

    name: ObjectName
    """Name of the ConfigMap."""
    items: Items | None = None
    """Only these keys."""
    default_mode: FileMode | None = None
    """Mode of the files, decimal."""
    optional: bool | None = None
    """Whether the pod may start without it."""


class SecretVolume(ApiModel):
    """Keys of a Secret as files."""

    secret_name: ObjectName
    """Name of the Secret."""
    items: Items | None = None
    """Only these keys."""
    default_mode: FileMode | None = None
    """Mode of the files, decimal."""
    optional: bool | None = None
    """Whether the pod may start without it."""


class EmptyDirVolume(ApiModel):
    """A scratch directory that lives as long as the pod."""

    medium: Literal["", "Memory"] = ""
    """Memory: a tmpfs, counted against the memory limit."""
    size_limit: Quantity | None = None
    """Largest size."""


class PersistentVolumeClaimVolume(ApiModel):
    """An existing claim."""

    claim_name: ObjectName
    """Name of the claim."""
    read_only: bool = False
    """Mount it read-only."""


class Volume(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "[has(self.configMap), has(self.secret), has(self.emptyDir), "
            "has(self.persistentVolumeClaim)].filter(x, x).size() == 1",
            "set exactly one of configMap, secret, emptyDir, persistentVolumeClaim",
        )
    ),
):
    """A volume: exactly one source."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
    """Name that volumeMounts refer to."""
    config_map: ConfigMapVolume | None = None
    """Keys of a ConfigMap."""
    secret: SecretVolume | None = None
    """Keys of a Secret."""
    empty_dir: EmptyDirVolume | None = None
    """A scratch directory."""
    persistent_volume_claim: PersistentVolumeClaimVolume | None = None
    """An existing claim."""


class LocalReference(ApiModel):
    """A reference by name within the namespace."""

    name: ObjectName
    """Name of the object."""


class PodSecurityContext(ApiModel):
    """Security settings of all containers of the pod."""

    run_as_user: UserId | None = None
    """User id of the processes."""
    run_as_group: UserId | None = None
    """Primary group id of the processes."""
    run_as_non_root: bool | None = None
    """Refuse to start as user 0. Needed in namespaces with Pod Security `restricted`."""
    fs_group: UserId | None = None
    """Group that owns the volumes."""
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = None
    """When the ownership of a volume is changed."""
    supplemental_groups: (
        Annotated[list[UserId], Field(max_length=32, json_schema_extra=ATOMIC)] | None
    ) = None
    """More groups of the processes."""


RESERVED_KEYS = rule(
    "self.all(k, !k.startsWith('contender.dev/'))",
    "keys under contender.dev/ belong to the operator: choose another prefix",
)

PodLabels = Annotated[LabelMap, Field(max_length=32, json_schema_extra=rules(RESERVED_KEYS))]
PodAnnotations = Annotated[StringMap, Field(max_length=32, json_schema_extra=rules(RESERVED_KEYS))]


class Pod(ApiModel):
    """Settings of the pods, as in a Kubernetes pod spec."""

    node_selector: LabelMap | None = None
    """Labels a node must have."""
    tolerations: (
        Annotated[list[Toleration], Field(max_length=64, json_schema_extra=ATOMIC)] | None
    ) = None
    """Taints that are tolerated."""
    affinity: Affinity | None = None
    """Where pods may run."""
    topology_spread_constraints: (
        Annotated[
            list[TopologySpreadConstraint],
            Field(max_length=16, json_schema_extra=list_map("topologyKey", "whenUnsatisfiable")),
        ]
        | None
    ) = None
    """How pods spread over nodes and zones."""
    image_pull_secrets: (
        Annotated[list[LocalReference], Field(max_length=16, json_schema_extra=list_map("name"))]
        | None
    ) = None
    """Secrets with registry credentials."""
    service_account_name: ObjectName | None = None
    """Service account of the pods. It must carry the annotation `contender.dev/allow: "true"`."""
    priority_class_name: ObjectName | None = None
    """Priority class of the pods."""
    runtime_class_name: ObjectName | None = None
    """Runtime class of the pods."""
    volumes: (
        Annotated[list[Volume], Field(max_length=32, json_schema_extra=list_map("name"))] | None
    ) = None
    """Volumes that containers may mount."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """Seconds a pod has to finish its requests after it was told to stop, default 30."""
    labels: PodLabels | None = None
    """More labels of the pods."""
    annotations: PodAnnotations | None = None
    """More annotations of the pods."""
    security_context: PodSecurityContext | None = None
    """Security settings of all containers."""
