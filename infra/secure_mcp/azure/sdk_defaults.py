"""What the SDK fills in where a program says nothing, and what Azure then refuses."""

from collections.abc import Callable

import pulumi

Transformation = Callable[[pulumi.ResourceTransformationArgs], pulumi.ResourceTransformationResult | None]


def unsent(*arguments: str) -> Transformation:
    """Takes arguments back that only the SDK has given.

    Azure takes a default that is sent for a wish. Where it refuses the wish, saying nothing is the only way, and the SDK's own
    default cannot be overruled: None counts as not given.

    Args:
        arguments: Names as the SDK's constructor has them, none of which the program gives itself.
    """

    def transformation(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        kept = {name: value for name, value in args.props.items() if name not in arguments}
        return pulumi.ResourceTransformationResult(kept, args.opts)

    return transformation
