"""The fault suite (`make test-faults`): injects faults into the running platform and checks what it promises."""
