"""Small projects of other people, written where a test wants them."""

import textwrap
from pathlib import Path


def project(folder: Path, name: str, program: str, settings: str = "runtime: python\n", config: str = "{}") -> Path:
    """A project with one stack, dev."""
    root = folder / name
    root.mkdir()
    (root / "Pulumi.yaml").write_text(f"name: {name}\n{settings}")
    (root / "Pulumi.dev.yaml").write_text(f"config: {config}\n")
    (root / "__main__.py").write_text(textwrap.dedent(program))
    return root


GATEWAY = '''
"""A gateway whose only API answers by itself."""

import pulumi
from pulumi_azure_native import apimanagement as apim, resources


def gateway(name, group, answer, **service):
    made = apim.ApiManagementService(
        name, resource_group_name=group, location="westeurope", publisher_email="a@example.com", publisher_name="a",
        sku=apim.ApiManagementServiceSkuPropertiesArgs(name="BasicV2", capacity=1), **service,
    )
    return made, api(name, group, made.name, answer)


def api(name, group, service, answer, path="hello"):
    here = dict(resource_group_name=group, service_name=service, api_id=f"{name}-api")
    made = apim.Api(
        f"{name}-api", display_name=name, path=path, protocols=["https"], subscription_required=False, **here
    )
    operation = apim.ApiOperation(
        f"{name}-get", operation_id="get", display_name="get", method="GET", url_template="/",
        opts=pulumi.ResourceOptions(depends_on=[made]), **here,
    )
    apim.ApiOperationPolicy(
        f"{name}-policy", operation_id="get", policy_id="policy", format="rawxml", value=POLICY.replace("ANSWER", answer),
        opts=pulumi.ResourceOptions(depends_on=[operation]), **here,
    )
    return made


POLICY = """<policies>
    <inbound>
        <base />
        <return-response>
            <set-status code="200" reason="OK" />
            <set-body>ANSWER</set-body>
        </return-response>
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>"""
'''


def with_gateway(root: Path) -> Path:
    """The same project, which can import `gateway` and `api` from `parts`."""
    (root / "parts.py").write_text(GATEWAY)
    return root
