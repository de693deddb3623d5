"""trace, emit-metric."""

from collections.abc import Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    LITERAL,
    NEEDED,
    NEEDED_LITERAL,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.pipeline.call import Call, Event
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source


class Trace:
    def __init__(
        self, source: Compiled, severity: str, message: Compiled | None, metadata: Sequence[tuple[str, Compiled]]
    ) -> None:
        self._source, self._severity, self._message, self._metadata = source, severity, message, metadata

    def run(self, call: Call) -> None:
        call.trace.messages.append(
            {
                "source": self._source.text(call),
                "severity": self._severity,
                "message": self._message.text(call) if self._message else "",
                **{name: value.text(call) for name, value in self._metadata},
            }
        )


def _trace(source: Source, element: Element) -> Policy:
    # The message may also stand in the policy itself, as it did before there was metadata.
    texts = [child for child in element.children if child.name == "message"] or [element] * (element.text is not None)
    return Trace(
        source.attribute(element, "source"),
        source.literal(element, "severity") or "verbose",
        source.content(texts[0]) if texts else None,
        [
            (child.attributes["name"].text, source.attribute(child, "value"))
            for child in element.children
            if child.name == "metadata"
        ],
    )


TRACE = PolicyElement(
    "trace",
    Model(
        {
            "source": NEEDED,
            "severity": Attribute("refused", one_of=("verbose", "information", "error")),
        },
        (Child("message", 0, 1), Child("metadata")),
        ordered=False,
        text=True,
    ),
    _trace,
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


def _emit_metric(source: Source, element: Element) -> Policy:
    return EmitMetric(
        element.attributes["name"].text,
        source.literal(element, "namespace") or "",
        source.attribute(element, "value") if "value" in element.attributes else Compiled("1", None),
        [(child.attributes["name"].text, source.optional(child, "value")) for child in element.children],
    )


EMIT_METRIC = PolicyElement(
    "emit-metric",
    Model(
        {"name": NEEDED_LITERAL, "namespace": LITERAL, "value": ANY},
        (Child("dimension", 1, 10),),
        beyond=frozenset({"default-dimensions"}),
    ),
    _emit_metric,
)


class LogToEventHub:
    """An event for an event hub: remembered with what the gateway has sent.

    https://learn.microsoft.com/azure/api-management/log-to-eventhub-policy
    """

    def __init__(self, logger: Compiled, content: Compiled, partition: Compiled | None) -> None:
        self._logger, self._content, self._partition = logger, content, partition

    def run(self, call: Call) -> None:
        logger, content = self._logger.text(call), self._content.text(call)
        partition = self._partition.text(call) if self._partition is not None else ""
        call.services.events.append(Event(logger, content, partition))
        call.trace.messages.append({"source": "log-to-eventhub", "severity": "information", "message": logger})


def _log_to_event_hub(source: Source, element: Element) -> Policy:
    partition = source.optional(element, "partition-key") or source.optional(element, "partition-id")
    return LogToEventHub(source.attribute(element, "logger-id"), source.content(element), partition)


LOG_TO_EVENTHUB = PolicyElement(
    "log-to-eventhub",
    Model({"logger-id": NEEDED, "partition-key": ANY, "partition-id": ANY}, text=True),
    _log_to_event_hub,
)

ELEMENTS: Sequence[Declared] = (
    LOG_TO_EVENTHUB,
    TRACE,
    EMIT_METRIC,
    Part("message", Model(text=True)),
    Part("metadata", Model({"name": NEEDED_LITERAL, "value": NEEDED})),
    Part("dimension", Model({"name": NEEDED_LITERAL, "value": ANY})),
)
