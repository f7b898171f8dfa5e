"""Python programs that two make commands run.

`make secrets` creates the missing keys and passwords in the cluster. `make k8s-check` checks the manifests without a
cluster. The file ../commands.mk defines `make secrets` and the other commands for the cluster, such as `make deploy`.
"""
