"""What `make cluster`, `images`, `secrets`, `deploy`, `restart` and `undeploy` do. `python -m tools <command>`."""
