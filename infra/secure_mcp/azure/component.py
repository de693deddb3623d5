"""What our components have in common: with what their resources go when a stack is destroyed."""

from typing import Any

import pulumi


class Component(pulumi.ComponentResource):
    """A component whose resources lie in one resource group, but for those that say otherwise.

    Give it `deleted_with` the group if the same stack makes the group: then nothing in it is deleted one by one. Azure deletes
    the group with all that is in it, in an order of its own, and repeats what is still in use: a subnet that is let go of an
    hour late, secrets of a vault that nobody can reach from outside. In a group that was there before, each resource is
    deleted by itself; that is what happens without the option.

    The option goes to the resources and not to the component, from which Pulumi would hand it on to each of them without a way
    out. Locks have to go first, and what lies elsewhere (Entra ID, roles on things of others) does not go with the group.
    https://www.pulumi.com/docs/iac/concepts/resources/options/deletedwith/
    """

    def __init__(self, type: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        self._made: list[pulumi.CustomResource] = []
        own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[self._seen]))
        self._group, own.deleted_with = own.deleted_with, None
        super().__init__(type, name, None, own)

    @property
    def made(self) -> list[pulumi.Output[str]]:
        """Ids of all that was made in it by now, in Azure and in Entra ID; not of what was there and is looked up."""
        return [resource.id for resource in self._made]

    def _seen(self, args: pulumi.ResourceTransformationArgs) -> None:
        """Told of each resource in the component, or in one that is part of it."""
        there = args.opts.id is not None or args.props.get("use_existing") or args.props.get("useExisting")
        if args.type_.startswith(("azure-native:", "azuread:")) and not there:
            assert isinstance(args.resource, pulumi.CustomResource)
            self._made.append(args.resource)

    def inside(self, **more: Any) -> pulumi.ResourceOptions:
        """Options of what lies in the group, a component or a resource."""
        return pulumi.ResourceOptions(parent=self, deleted_with=self._group, **more)

    def outside(self, **more: Any) -> pulumi.ResourceOptions:
        """Options of what is deleted by itself, wherever it lies."""
        return pulumi.ResourceOptions(parent=self, **more)
