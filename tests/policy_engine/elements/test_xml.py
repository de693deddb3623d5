"""Policies that read and change XML bodies."""

from typing import Any

Stack = Any
SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<do xmlns="urn:x"><secret>hidden</secret><id>5</id></do></s:Body></s:Envelope>'
)


async def test_an_xml_body_is_read_changed_and_sent_on(stack: Stack) -> None:
    stack.policies(
        """<set-variable name="soap" value="@(context.Request.Body.As<XElement>(preserveContent: true))" />
        <set-variable name="id" value="@(((XElement)context.Variables["soap"]).Descendants()
            .First(e => e.Name.LocalName == "id").Value)" />
        <trace source="said">@("id " + context.Variables["id"])</trace>
        <set-header name="X-Id" exists-action="override"><value>@((string)context.Variables["id"])</value></set-header>
        <set-body>@{
            XNamespace x = "urn:x";
            var body = context.Request.Body.As<XElement>();
            body.Descendants(x + "id").First().Value = "6 & 7";
            body.Descendants(x + "secret").Remove();
            return body.ToString();
        }</set-body>"""
    )
    response = await stack.send("POST", content=SOAP)
    assert response.status_code == 200, response.text
    sent = stack.backend.last
    assert sent.headers["x-id"] == "5"
    assert b"<id>6 &amp; 7</id>" in sent.content
    assert b"secret" not in sent.content
    assert [event["message"] for event in stack.trace.events("said")] == ["id 5"]


async def test_what_is_no_xml_is_an_error_of_the_expression(stack: Stack) -> None:
    stack.policies(
        '<set-variable name="soap" value="@(context.Request.Body.As<XDocument>().Root.Name.LocalName)" />',
        on_error="<return-response><set-status code='400' reason='Bad Request' /><set-body>@(context.LastError.Reason)"
        "</set-body></return-response>",
    )
    response = await stack.send("POST", content="{}")
    assert (response.status_code, response.text) == (400, "ExpressionValueEvaluationFailure")


async def test_expressions_with_entities_run_as_what_they_mean(stack: Stack) -> None:
    stack.policies(
        '<set-header name="X-Both" exists-action="override">'
        "<value>@(1 &lt; 2 &amp;&amp; context.Request.Method == &quot;POST&quot; ? &quot;yes&quot; : &quot;no&quot;)</value>"
        "</set-header><set-body><![CDATA[@{ return 1 < 2 ? "
        '"a & b" : ""; }]]></set-body>'
    )
    assert (await stack.send("POST", content="x")).status_code == 200
    assert stack.backend.last.headers["x-both"] == "yes"
    assert stack.backend.last.content == b"a & b"
