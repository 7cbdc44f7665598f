"""The registry of child kinds. Watches, RBAC and the order of creation derive from it.

To add a kind: one file beside this one, and one line here.
"""

from contender.core.children.base import Child, Resource
from contender.core.children.config_map import CONFIG_MAP
from contender.core.children.controller_revision import CONTROLLER_REVISION
from contender.core.children.cron_job import CRON_JOB
from contender.core.children.deployment import DEPLOYMENT
from contender.core.children.experiment import EXPERIMENT
from contender.core.children.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER
from contender.core.children.job import JOB
from contender.core.children.network_policy import NETWORK_POLICY
from contender.core.children.pod_disruption_budget import POD_DISRUPTION_BUDGET
from contender.core.children.service import SERVICE

CHILDREN: tuple[Child, ...] = (
    CONTROLLER_REVISION,  # first: a revision is recorded before it gets pods
    CONFIG_MAP,
    SERVICE,
    NETWORK_POLICY,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    POD_DISRUPTION_BUDGET,
    CRON_JOB,
    JOB,
    EXPERIMENT,
)

__all__ = ["CHILDREN", "Child", "Resource"]
