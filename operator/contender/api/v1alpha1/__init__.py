"""contender.dev/v1alpha1: the one source of CRDs, field reference and validation."""

from contender.api.v1alpha1.experiment import EXPERIMENT_COLUMNS, Experiment, ExperimentSpec
from contender.api.v1alpha1.experiment_status import ExperimentStatus
from contender.api.v1alpha1.modeldeployment import (
    PRINTER_COLUMNS,
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
)

GROUP = "contender.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = [
    "API_VERSION",
    "EXPERIMENT_COLUMNS",
    "GROUP",
    "PRINTER_COLUMNS",
    "VERSION",
    "Experiment",
    "ExperimentSpec",
    "ExperimentStatus",
    "ModelDeployment",
    "ModelDeploymentSpec",
    "ModelDeploymentStatus",
]
