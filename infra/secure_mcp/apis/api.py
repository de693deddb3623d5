"""One API of the gateway with its operations and policies: what the OAuth API and the MCP API have in common."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import apimanagement

from ..azure.component import Component
from ..azure.key_vault import KeyVaultReader, declare_secret
from ..azure.propagation import patient
from ..options import Options
from . import documents


@dataclass(frozen=True)
class Service:
    """The API Management instance that resources belong to."""

    name: pulumi.Input[str]
    resource_group_name: pulumi.Input[str]
    prefix: pulumi.Input[str] = ""
    """What our ids begin with, where others have some, too."""
    logger_id: pulumi.Input[str] = ""
    """Logger that each API names in a diagnostic of its own; empty: the whole instance has one."""
    azure_monitor_logger_id: pulumi.Input[str] = ""
    """Logger of Azure Monitor that each API names in a diagnostic of its own; empty: none does."""

    def id(self, name: str) -> pulumi.Input[str]:
        """The id of an API, a named value or a fragment, or a display name."""
        if isinstance(self.prefix, str):
            return self.prefix + name
        return pulumi.Output.concat(self.prefix, name)

    def document(self, path: str, settings: Options) -> pulumi.Input[str]:
        """A policy document with these ids."""
        if isinstance(self.prefix, str):
            return documents.document(path, settings, self.prefix)
        return pulumi.Output.from_input(self.prefix).apply(lambda prefix: documents.document(path, settings, prefix))


def declare_named_value(
    prefix: str,
    service: Service,
    id: str,
    value: pulumi.Input[str],
    parent: Component,
) -> apimanagement.NamedValue:
    """A named value that everybody may know. Its id is the name that policies use."""
    return apimanagement.NamedValue(
        f"{prefix}-{id}",
        named_value_id=service.id(id),
        display_name=service.id(id),
        value=value,
        secret=False,
        service_name=service.name,
        resource_group_name=service.resource_group_name,
        opts=parent.inside(),
    )


def declare_secret_named_value(
    prefix: str,
    service: Service,
    id: str,
    value: pulumi.Input[str],
    reader: KeyVaultReader | None,
    parent: Component,
    depends_on: Sequence[pulumi.Resource] = (),
) -> tuple[apimanagement.NamedValue, list[pulumi.Resource]]:
    """A secret named value. With a reader API Management fetches it from the key vault, without one it keeps it itself.

    Returns:
        The named value, and the vault's secret if there is one.
    """
    secrets: list[pulumi.Resource] = []
    hooks = None
    if reader is None:
        kept = {"value": pulumi.Output.secret(value)}
    else:
        identifier, secret = declare_secret(prefix, reader, id, value, parent)
        secrets.append(secret)
        hooks = patient(f"{prefix}-{id}")
        kept = {
            "key_vault": apimanagement.KeyVaultContractCreatePropertiesArgs(
                secret_identifier=identifier, identity_client_id=reader.identity_client_id
            )
        }
    named_value = apimanagement.NamedValue(
        f"{prefix}-{id}",
        named_value_id=service.id(id),
        display_name=service.id(id),
        secret=True,
        service_name=service.name,
        resource_group_name=service.resource_group_name,
        opts=parent.inside(depends_on=depends_on, hooks=hooks),
        **kept,  # pyright: ignore[reportArgumentType]
    )
    return named_value, secrets


def declare_fragments(
    prefix: str,
    service: Service,
    settings: Options,
    parent: Component,
    depends_on: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """All policy fragments. They name named values, which must exist before a fragment can be saved."""
    return [
        apimanagement.PolicyFragment(
            f"{prefix}-fragment-{id}",
            id=service.id(id),
            description="",
            format=apimanagement.PolicyFragmentContentFormat.RAWXML,
            value=service.document(f"fragments/{id}.xml", settings),
            service_name=service.name,
            resource_group_name=service.resource_group_name,
            opts=parent.inside(depends_on=depends_on),
        )
        for id in documents.fragment_ids()
    ]


def declare_diagnostics(prefix: str, service: Service, api: apimanagement.Api, parent: Component) -> None:
    """The diagnostics of one API, in an instance that is somebody else's; else the whole instance has them.

    They replace those of the instance for this API.
    https://learn.microsoft.com/azure/api-management/api-management-howto-app-insights
    """
    request = apimanagement.HttpMessageDiagnosticArgs(
        body=apimanagement.BodyDiagnosticSettingsArgs(bytes=0),
        headers=[],
        data_masking=apimanagement.DataMaskingArgs(
            query_params=[apimanagement.DataMaskingEntityArgs(value="*", mode=apimanagement.DataMaskingMode.HIDE)]
        ),
    )
    response = apimanagement.HttpMessageDiagnosticArgs(
        body=apimanagement.BodyDiagnosticSettingsArgs(bytes=0), headers=[]
    )
    silent = apimanagement.PipelineDiagnosticSettingsArgs(request=request, response=response)

    def declare(kind: str, logger_id: pulumi.Input[str], insights: bool) -> None:
        apimanagement.ApiDiagnostic(
            f"{prefix}-{kind}",
            diagnostic_id=kind,
            api_id=api.name,
            service_name=service.name,
            resource_group_name=service.resource_group_name,
            logger_id=logger_id,
            always_log=apimanagement.AlwaysLog.ALL_ERRORS,
            sampling=apimanagement.SamplingSettingsArgs(sampling_type=apimanagement.SamplingType.FIXED, percentage=100),
            verbosity=apimanagement.Verbosity.INFORMATION,
            http_correlation_protocol=apimanagement.HttpCorrelationProtocol.W3_C if insights else None,
            log_client_ip=True,
            metrics=True if insights else None,
            frontend=silent,
            backend=silent,
            opts=parent.inside(),
        )

    for kind, logger_id, insights in (
        ("applicationinsights", service.logger_id, True),
        ("azuremonitor", service.azure_monitor_logger_id, False),
    ):
        if isinstance(logger_id, str):
            if logger_id:
                declare(kind, logger_id, insights)
        else:
            # Of another stack: known in every preview, but not while the program is read.
            pulumi.Output.from_input(logger_id).apply(
                lambda found, kind=kind, insights=insights: declare(kind, found, insights) if found else None
            )


def declare_operations(
    prefix: str,
    service: Service,
    api: apimanagement.Api,
    document: str,
    operations: Iterable[documents.Operation],
    settings: Options,
    parent: Component,
    depends_on: Sequence[pulumi.Input[pulumi.Resource]],
) -> None:
    """The operations of an API with their policies, the policy of the API itself, and its diagnostics."""
    declare_diagnostics(prefix, service, api, parent)
    after = parent.inside(depends_on=depends_on)
    apimanagement.ApiPolicy(
        f"{prefix}-policy",
        policy_id="policy",
        format=apimanagement.PolicyContentFormat.RAWXML,
        value=service.document(document, settings),
        api_id=api.name,
        service_name=service.name,
        resource_group_name=service.resource_group_name,
        opts=after,
    )
    for operation in operations:
        declared = apimanagement.ApiOperation(
            f"{prefix}-{operation.id}",
            operation_id=operation.id,
            display_name=operation.display_name,
            method=operation.method,
            url_template=operation.url_template,
            template_parameters=[
                apimanagement.ParameterContractArgs(name=parameter, type="string", required=True)
                for parameter in operation.parameters
            ]
            or None,
            api_id=api.name,
            service_name=service.name,
            resource_group_name=service.resource_group_name,
            opts=parent.inside(),
        )
        if operation.document is not None:
            apimanagement.ApiOperationPolicy(
                f"{prefix}-{operation.id}-policy",
                policy_id="policy",
                operation_id=declared.name,
                format=apimanagement.PolicyContentFormat.RAWXML,
                value=service.document(operation.document, settings),
                api_id=api.name,
                service_name=service.name,
                resource_group_name=service.resource_group_name,
                opts=after,
            )
