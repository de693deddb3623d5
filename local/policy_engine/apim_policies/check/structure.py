"""The rules that `apim.check` knows: what Azure refuses when a policy is saved, and what is not modelled here."""

from apim_policies.check.finding import Rule

RULES = (
    Rule(
        "well-formed",
        "error",
        "Azure cannot read the document, and refuses to save it.",
        "Close what is open. Outside expressions < and & are written &lt; and &amp;; a value is one expression or none.",
    ),
    Rule(
        "size",
        "error",
        "A document or fragment has 512 KiB at most; in the Consumption tier 16 KiB.",
        "Move what several documents share into fragments.",
    ),
    Rule(
        "named-value",
        "error",
        "Azure refuses a policy with a {{name}} that no named value has; {{ is never anything else, also not in expressions, only in Liquid templates.",
        "Declare the named value, or correct the name; write { { where no name is meant.",
    ),
    Rule(
        "fragment",
        "error",
        "Azure refuses a policy that includes a fragment that is not there.",
        "Declare the fragment, or correct its id.",
    ),
    Rule("unknown-element", "error", "API Management has no such policy or section.", "Correct the name."),
    Rule(
        "unknown-attribute",
        "error",
        "Azure refuses attributes that a policy does not have.",
        "Correct the name, or remove the attribute.",
    ),
    Rule("missing-attribute", "error", "Azure refuses a policy that lacks what it needs.", "Add the attribute."),
    Rule(
        "attribute-value",
        "error",
        "Azure refuses values other than those that the policy has.",
        "Use one of the values that the message names.",
    ),
    Rule(
        "expression-not-allowed",
        "error",
        "Some attributes are read when the policy is saved, when there is no request to evaluate an expression for.",
        "Write the value itself, or a named value.",
    ),
    Rule(
        "unexpected-text",
        "error",
        "Azure refuses text in an element that holds none: usually a bracket that is too many.",
        "Remove the text, or make it a comment.",
    ),
    Rule(
        "element-place",
        "error",
        "Azure refuses a policy in a section or an element that it does not belong in.",
        "Move it to where the message says.",
    ),
    Rule(
        "element-order",
        "error",
        "The children of a policy stand in the order of its documentation.",
        "Put them in that order.",
    ),
    Rule("element-count", "error", "A child is missing, or is there too often.", "Have as many as the message says."),
    Rule(
        "value-combination",
        "error",
        "Each value is allowed, but not all of them together.",
        "Change what the message names.",
    ),
    Rule(
        "expression-syntax",
        "error",
        "It is not C# 7. Azure may save the policy, and fails each request that comes to it.",
        "Correct it; apim-policies expression shows what an expression gives.",
    ),
    Rule(
        "expression-type",
        "error",
        "The C# compiler refuses it. Azure may save the policy, and fails each request that comes to it.",
        "Convert values to the types that the message names.",
    ),
    Rule(
        "forbidden-type",
        "error",
        "Expressions can use the .NET types of API Management's list, and no others.",
        "Use a type of the list: https://learn.microsoft.com/azure/api-management/api-management-policy-expressions.",
    ),
    Rule(
        "not-modelled",
        "warning",
        "API Management may have this, it is not modelled: it was not checked, and cannot be run on this machine.",
        "Check it in Azure, or use what is modelled; --ignore not-modelled leaves these findings out.",
    ),
)
