"""Holds the Job of docs/cluster.md against Kubernetes' own schemas, the newest that there are."""

import sys

import kubernetes_validate
import yaml

from tests.end_to_end.test_cluster_recipes import recipe

if __name__ == "__main__":
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(yaml.safe_load(recipe("Kubernetes")), version, strict=True)
    sys.stdout.write(f"kubernetes {version}: the Job of docs/cluster.md is as it should be\n")
