"""kubectl, in the cluster and the namespace that the settings name."""

from tools.program import Stopped
from tools.settings import CLUSTER, K8S, NAMESPACE, Settings

ROLLOUT_SECONDS = 300
"""How long one Deployment, StatefulSet or Job may take to get ready; images are pulled in that time, too."""


class Cluster:
    def __init__(self, settings: Settings) -> None:
        """Raise Stopped if no cluster answers."""
        self._kubectl = settings.kubectl
        self._kubectl.require()
        try:
            self._kubectl.read("get", "--raw", "/version", "--request-timeout", "10s")
        except Stopped:
            where = f"at kubectl's context {settings.context}" if settings.context else "at kubectl's current context"
            first = "`make cluster` makes one." if settings.context == f"kind-{CLUSTER}" else "CONTEXT names another."
            raise Stopped(f"No cluster answers {where}. {first}") from None

    def run(self, *arguments: str, given: str | None = None) -> None:
        self._kubectl.run(*arguments, "--namespace", NAMESPACE, given=given)

    def read(self, *arguments: str, given: str | None = None) -> str:
        return self._kubectl.read(*arguments, "--namespace", NAMESPACE, given=given)

    def render(self, overlay: str) -> str:
        return self._kubectl.read("kustomize", str(K8S / "overlays" / overlay))

    def make_namespace(self) -> None:
        """As the manifests have it: nothing gets in before it is enforced what may."""
        if not self.read("get", "namespace", NAMESPACE, "--ignore-not-found", "--output", "name"):
            self.run("apply", "--filename", str(K8S / "base" / "namespace.yaml"))

    def names(self, kinds: str) -> list[str]:
        """Like deployment.apps/orders, each."""
        return self.read("get", kinds, "--output", "name").split()

    def wait_until_ready(self, name: str) -> None:
        """Show the progress. Raises Stopped, saying where to look."""
        patience = ("--timeout", f"{ROLLOUT_SECONDS}s")
        try:
            if name.startswith("job."):
                self.run("wait", "--for", "condition=complete", name, *patience)
            else:
                self.run("rollout", "status", name, *patience)
        except Stopped:
            look = f"kubectl --namespace {NAMESPACE} describe {name}"
            raise Stopped(f"{name} did not get ready: see `{look}`, and the same with `logs`.") from None
