"""A model that has every kind of child, and a field of every shape in each."""

from tests.contract.fields import Json

EVERYTHING: Json = {
    "model": {
        "version": "1",
        "image": "churn:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["serve"],
        "args": ["--fast"],
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "settings"}}],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch", "readOnly": True}],
        "securityContext": {"readOnlyRootFilesystem": True},
        "probes": {"path": "/ready", "startupTimeout": "2m", "liveness": {"grpc": {}}},
        "warmup": {"requests": 3, "minReady": "1s"},
    },
    "transformer": {"image": "front:1", "probes": {"path": "/ready"}},
    "pod": {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 5,
                        "podAffinityTerm": {
                            "topologyKey": "zone",
                            "labelSelector": {"matchLabels": {"app": "x"}},
                        },
                    }
                ]
            }
        },
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
        "labels": {"team": "shop"},
        "annotations": {"example.com/note": "one"},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
    },
    "scaling": {
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [{"type": "CPU", "target": 70}],
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": 60,
                "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
            }
        },
    },
    "retraining": {
        "schedule": "0 3 * * 0",
        "timeZone": "Europe/Berlin",
        "job": {"image": "train:1", "env": [{"name": "A", "value": "1"}]},
    },
}
