"""What `make secrets` and `make k8s-check` need beyond kubectl; everything else is in ../commands.mk."""
