"""Named values whose values nobody knows here: what hangs on them is no mistake of the document, all else is."""

import pytest

from apim_policies.check.document_check import check_document


def errors(policy: str, values: dict[str, str | None] | None = None) -> list[str]:
    document = f"<policies><inbound>{policy}</inbound><backend><base /></backend><outbound /></policies>"
    return [problem.rule for problem in check_document(document, "d", named_values=values)]


# A policy, a value with which it is a mistake, and one with which it is none.
PLACES = {
    "an address": ('<ip-filter action="allow"><address>{{a}}</address></ip-filter>', "somewhere", "10.0.0.1"),
    "a range": ('<ip-filter action="allow"><address-range from="{{a}}" to="10.0.0.9" /></ip-filter>', "x", "10.0.0.1"),
    "one of two": ('<ip-filter action="{{a}}"><address>1.1.1.1</address></ip-filter>', "perhaps", "forbid"),
    "a condition": ('<choose><when condition="{{a}}"><set-method>GET</set-method></when></choose>', "7", "true"),
    "a flag": ('<rewrite-uri template="/" copy-unmatched-params="{{a}}" />', "yes", "false"),
    "a number": ('<mock-response status-code="{{a}}" />', "many", "204"),
    "code": ('<set-variable name="n" value="@({{a}}.Contains("a"))" />', "7", '"abc"'),
    "a member": ('<set-variable name="n" value="@(context.Request.{{a}})" />', "1", "Method"),
    "code with entities": ('<set-variable name="n" value="@(&quot;b&quot; + {{a}}.Trim())" />', "7", "&quot;abc&quot;"),
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_what_nobody_knows_is_no_mistake(place: str) -> None:
    policy, wrong, right = PLACES[place]
    assert errors(policy) == []
    assert errors(policy, {"a": None}) == [], "declared, and secret"
    assert errors(policy, {"A": right}) == []
    assert errors(policy, {"a": wrong}) != []


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        ('<ip-filter action="alow"><address>{{a}}</address></ip-filter>', "attribute-value"),
        ('<set-header nam="x"><value>{{a}}</value></set-header>', "unknown-attribute"),
        ('<set-variable name="n" value="@(context.Request.Metod + "{{a}}")" />', "expression-type"),
        ('<set-variable name="n" value="@("{{a}}" + 1 /* {{b}} */ + new File())" />', "forbidden-type"),
        ('<set-variable name="{{a}}" value="@(1 + )" />', "expression-syntax"),
        ('<set-method>{{a}}</set-method><mock-response status-code="many" />', "attribute-value"),
    ],
)
def test_a_mistake_beside_an_unknown_value_is_one(policy: str, rule: str) -> None:
    assert rule in errors(policy)
