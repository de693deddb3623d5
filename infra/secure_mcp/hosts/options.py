"""What can be chosen about what runs a server."""

from collections.abc import Mapping, Sequence

import pulumi

from ..azure.placement import RecoveryOptions
from ..options import Options, Rule, each, matches, one_of, option
from ..package import PYTHON_VERSION, PYTHON_VERSIONS

_MEMORY = (512, 2048, 4096)
# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names
CONTAINERS = Rule(
    r"(?=.{3,63}$)(?!azure-webjobs-)[a-z0-9]+(-[a-z0-9]+)*",
    "give 3 to 63 small letters, digits and single hyphens; azure-webjobs- is the Functions host's own",
)


class SettingsOptions(Options):
    """What a host is told, and what it can act as."""

    app_settings: Mapping[str, pulumi.Input[str]] = option(default={}, configured=False)
    """Settings of the server's own, as environment variables; secrets as references to a key vault."""
    extra_identities: Sequence[pulumi.Input[str]] = option(default=(), configured=False)
    """Resource ids of further user-assigned identities that the server can act as."""


class FunctionAppOptions(SettingsOptions, RecoveryOptions):
    """The function app that runs a server."""

    code: str = option(configured=False)
    """Folder of the function app: absolute, or relative to the program."""
    containers: Sequence[str] = option(each(CONTAINERS), default=(), configured=False)
    """Blob containers of the server's own, in the account with its data, which its identity reads and writes. Where that is and who that
    is, its code reads from AzureWebJobsStorage__blobServiceUri and AzureWebJobsStorage__clientId."""
    deploy_code: bool = True
    """Whether the function app's code is deployed too. If not, something else has to, such as a pipeline of its own."""
    python_version: str = option(one_of(*PYTHON_VERSIONS), default=PYTHON_VERSION)
    """Version of Python that the function app runs on, 3.13 or 3.12."""
    instance_memory_mb: int = option(
        lambda size: None if size in _MEMORY else f"use one of {', '.join(map(str, _MEMORY))}", default=2048
    )
    """Memory of each of the function app's instances in MB: 512, 2048 or 4096."""
    maximum_instance_count: int = option(default=40, at_least=40, at_most=1000)
    """Instances of the function app at most, 40 to 1000."""
    always_ready_instances: int = option(default=0, at_least=0, at_most=100)
    """Instances of the function app that never sleep and are paid for all day; 0: the first call after a pause waits."""


class ContainerAppOptions(SettingsOptions):
    """A container app that runs a server from an image."""

    image: pulumi.Input[str]
    """Image, such as registry.example.com/notes:1.2.0."""
    port: int = option(default=8080, at_least=1, at_most=65535)
    """Port that the server listens on."""
    mcp_path: str = option(matches(Rule(r"/[A-Za-z0-9/_.-]*", "give a path that begins with /")), default="/mcp")
    """Path of its MCP endpoint."""
    environment_id: pulumi.Input[str] = ""
    """Resource id of a Container Apps environment with the workload profile Consumption. Empty: one is made."""
    registry_server: str = ""
    """Registry that wants an identity, such as registry.azurecr.io. Empty: the image is public."""
    registry_identity_id: pulumi.Input[str] = ""
    """Resource id of an identity that may pull from it (AcrPull)."""
    cpu_millicores: int = option(default=500, at_least=250, at_most=4000)
    """Thousandths of a core of each replica, 250 to 4000; in Consumption a quarter of a core goes with each 512 MB."""
    memory_mb: int = option(default=1024, at_least=512, at_most=8192)
    """Memory of each replica in MB, 512 to 8192."""
    min_replicas: int = option(default=0, at_least=0, at_most=1000)
    """Replicas that are always there; 0: the first call after a pause waits."""
    max_replicas: int = option(default=10, at_least=1, at_most=1000)
    """Replicas at most."""

    def check(self) -> None:
        if self.memory_mb * 250 != self.cpu_millicores * 512:
            raise self.wrong(
                "memory_mb",
                f"with cpuMillicores {self.cpu_millicores} Azure takes {self.cpu_millicores * 512 // 250} MB only",
            )
        if self.registry_server and isinstance(self.registry_identity_id, str) and not self.registry_identity_id:
            raise self.wrong("registry_identity_id", "name an identity that may pull from registryServer")
        if self.min_replicas > self.max_replicas:
            raise self.wrong("min_replicas", f"maxReplicas is {self.max_replicas}")
