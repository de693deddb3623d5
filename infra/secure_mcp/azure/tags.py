"""Tags, on everything that can have some."""

from collections.abc import Mapping

import pulumi

from .sdk_defaults import Transformation

# Its tags are a list of words for API Management's own filters.
_OTHER_TAGS = {"azure-native:apimanagement:NamedValue"}


def tagged(tags: Mapping[str, str]) -> Transformation:
    """Gives tags to each of Azure's resources that can have some and says nothing about them itself.

    As an option of a component it holds for everything in it.
    """

    def transformation(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        taggable = args.type_.startswith("azure-native:") and args.type_ not in _OTHER_TAGS
        if not tags or not taggable or args.props.get("tags", "") is not None:
            return None
        return pulumi.ResourceTransformationResult({**args.props, "tags": dict(tags)}, args.opts)

    return transformation
