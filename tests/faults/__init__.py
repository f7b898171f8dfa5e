"""The fault suite (`make test-faults`): the platform is broken on purpose, and held to its promises."""
