"""trace, emit-metric."""

from collections.abc import Sequence

from apim_policies.pipeline.call import Call
from apim_policies.pipeline.values import Compiled


class Trace:
    def __init__(
        self, source: str, severity: str, message: Compiled | None, metadata: Sequence[tuple[str, Compiled]]
    ) -> None:
        self._source, self._severity, self._message, self._metadata = source, severity, message, metadata

    def run(self, call: Call) -> None:
        call.trace.messages.append(
            {
                "source": self._source,
                "severity": self._severity,
                "message": self._message.text(call) if self._message else "",
                **{name: value.text(call) for name, value in self._metadata},
            }
        )


class EmitMetric:
    """A custom metric: remembered with the request's trace.

    https://learn.microsoft.com/azure/api-management/emit-metric-policy
    """

    def __init__(
        self, name: str, namespace: str, value: Compiled, dimensions: Sequence[tuple[str, Compiled | None]]
    ) -> None:
        self._name, self._namespace, self._value, self._dimensions = name, namespace, value, dimensions

    def run(self, call: Call) -> None:
        known = {
            "API ID": call.context.api.id,
            "Operation ID": call.context.operation.id,
            "Gateway ID": call.context.deployment.gateway_id,
            "Client IP": call.context.request.ip_address,
            "Location": call.context.deployment.region,
        }
        dimensions = {
            name: value.text(call) if value is not None else known.get(name, "") for name, value in self._dimensions
        }
        call.trace.metrics.append(
            {
                "name": self._name,
                "namespace": self._namespace,
                "value": self._value.number(call),
                "dimensions": dimensions,
            }
        )
