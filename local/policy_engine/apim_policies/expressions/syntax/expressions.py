"""Reading of expressions."""

from collections.abc import Callable

import tree_sitter

from apim_policies.expressions.syntax.flattening import Flattening
from apim_policies.expressions.syntax.operators import Operators
from apim_policies.expressions.syntax.queries import query
from apim_policies.expressions.syntax.reader import named
from apim_policies.expressions.syntax.repairs import Repairs
from apim_policies.expressions.syntax.tree import Node


class Expressions(Flattening):
    """Everything but statements."""

    def expr(self, node: tree_sitter.Node) -> Node:
        if node.type in _FLAT:
            return Operators(self, Repairs(self).repaired(self.flatten(node))).parse()
        read = _EXPRESSIONS.get(node.type)
        if read is None:
            raise self.refuse(node)
        return read(self, node)

    def e_paren(self, node: tree_sitter.Node) -> Node:
        return Node("paren", node.start_byte, self.expr(named(node)[0]))

    def parameters(self, node: tree_sitter.Node) -> list[tuple[Node | None, str]]:
        result: list[tuple[Node | None, str]] = []
        for child in named(node):
            if child.type != "parameter" or any(c.type in ("modifier", "=") for c in child.children):
                raise self.refuse(child)
            type_node = child.child_by_field_name("type")
            result.append((self.type(type_node) if type_node else None, self.identifier(self.field(child, "name"))))
        return result

    def e_lambda(self, node: tree_sitter.Node) -> Node:
        """lambda([(type or None, name)], body, is block)"""
        if any(child.type == "modifier" for child in node.children):
            raise self.refuse(node, "async or static lambda")
        if node.children[0].type not in ("implicit_parameter", "parameter_list", "identifier"):
            raise self.refuse(node.children[0])
        parameters = self.field(node, "parameters")
        if parameters.type == "parameter_list":
            names = self.parameters(parameters)
        else:
            names = [(None, self.identifier(parameters))]
        body = self.field(node, "body")
        if body.type == "block":
            return Node("lambda", node.start_byte, names, self.block(body), True)
        return Node("lambda", node.start_byte, names, self.expr(body), False)

    def initializer(self, node: tree_sitter.Node) -> Node:
        """init([items]): an item is an expression, an init, or assign('=', elementinit | name, value)."""
        items: list[Node] = []
        for child in named(node):
            if child.type == "initializer_expression":
                items.append(self.initializer(child))
            elif child.type == "assignment_expression":
                left, right = self.field(child, "left"), self.field(child, "right")
                if self.text(next(c for c in child.children if not c.is_named)) != "=":
                    raise self.refuse(child)
                value = self.initializer(right) if right.type == "initializer_expression" else self.expr(right)
                if left.type == "element_binding_expression":
                    items.append(Node("initindex", child.start_byte, self.arguments(left), value))
                elif left.type == "identifier":
                    items.append(Node("initmember", child.start_byte, self.identifier(left), value))
                else:
                    raise self.refuse(left)
            else:
                items.append(self.expr(child))
        return Node("init", node.start_byte, items)

    def e_new(self, node: tree_sitter.Node) -> Node:
        """new(type, arguments, initializer)"""
        arguments = node.child_by_field_name("arguments")
        init = node.child_by_field_name("initializer")
        if arguments is None and init is None:
            raise self.source.error(node.end_byte, "'(' expected", "syntax", "CS1526")
        return Node(
            "new",
            node.start_byte,
            self.type(self.field(node, "type")),
            self.arguments(arguments) if arguments is not None else [],
            self.initializer(init) if init is not None else None,
        )

    def e_new_array(self, node: tree_sitter.Node) -> Node:
        """newarray(array type, size or None, initializer or None)"""
        type_ = self.type(self.field(node, "type"))
        init = next((c for c in named(node) if c.type == "initializer_expression"), None)
        if type_.kind != "tarray" or len(type_.b) > 1:
            raise self.refuse(node)
        # In `new int[2][]` the size stands with the outermost array, which the grammar keeps innermost.
        inner = type_.a
        while inner.kind == "tarray":
            if inner.b:
                raise self.refuse(node, "array of arrays with a size")
            inner = inner.a
        size = type_.b[0] if type_.b else None
        type_.b = []
        if size is None and init is None:
            raise self.source.error(
                node.start_byte, "array creation must have array size or initializer", "syntax", "CS1586"
            )
        return Node("newarray", node.start_byte, type_, size, self.initializer(init) if init else None)

    def e_new_implicit_array(self, node: tree_sitter.Node) -> Node:
        if any(child.type == "," for child in node.children):
            raise self.refuse(node)
        return Node("newimplicit", node.start_byte, self.initializer(named(node)[0]))

    def e_anonymous(self, node: tree_sitter.Node) -> Node:
        """anonymous([(name, expression, pos)])"""
        members: list[tuple[str, Node, int]] = []
        children = [c for c in node.children if c.type not in ("comment", "new", "{", "}")]
        groups: list[list[tree_sitter.Node]] = [[]]
        for child in children:
            if child.type == ",":
                groups.append([])
            else:
                groups[-1].append(child)
        for group in groups:
            if not group:
                continue
            if len(group) == 3 and group[1].type == "=":
                members.append((self.identifier(group[0]), self.expr(group[2]), group[0].start_byte))
            elif len(group) == 1:
                value = self.expr(group[0])
                last = value
                while last.kind in ("cond",):
                    last = last.b
                if last.kind == "name":
                    name = last.a
                elif last.kind == "member":
                    name = last.b
                else:
                    raise self.source.error(
                        group[0].start_byte, "invalid anonymous type member declarator", "compile", "CS0746"
                    )
                members.append((name, value, group[0].start_byte))
            else:
                raise self.refuse(node)
        return Node("anonymous", node.start_byte, members)

    def e_default(self, node: tree_sitter.Node) -> Node:
        type_node = node.child_by_field_name("type")
        if type_node is None:
            raise self.refuse(node, "default literal")
        return Node("default", node.start_byte, self.type(type_node))

    def e_checked(self, node: tree_sitter.Node) -> Node:
        return Node(node.children[0].type, node.start_byte, self.expr(named(node)[0]))

    def e_sizeof(self, node: tree_sitter.Node) -> Node:
        return Node("sizeof", node.start_byte, self.type(self.field(node, "type")))

    def e_throw(self, node: tree_sitter.Node) -> Node:
        return Node("throwexpr", node.start_byte, self.expr(named(node)[0]))


_FLAT = frozenset(
    {
        "binary_expression", "assignment_expression", "prefix_unary_expression", "postfix_unary_expression",
        "cast_expression", "member_access_expression", "invocation_expression", "element_access_expression",
        "conditional_access_expression", "conditional_expression", "is_expression", "as_expression",
        "is_pattern_expression",
    }
)  # fmt: skip


_EXPRESSIONS: dict[str, Callable[[Expressions, tree_sitter.Node], Node]] = {
    "identifier": Expressions.e_name,
    "generic_name": Expressions.e_generic,
    "predefined_type": Expressions.e_predefined,
    "qualified_name": Expressions.e_qualified,
    "parenthesized_expression": Expressions.e_paren,
    "integer_literal": Expressions.e_integer,
    "real_literal": Expressions.e_real,
    "boolean_literal": Expressions.e_bool,
    "null_literal": Expressions.e_null,
    "string_literal": Expressions.e_string,
    "verbatim_string_literal": Expressions.e_verbatim,
    "character_literal": Expressions.e_char,
    "interpolated_string_expression": Expressions.e_interpolated,
    "lambda_expression": Expressions.e_lambda,
    "object_creation_expression": Expressions.e_new,
    "array_creation_expression": Expressions.e_new_array,
    "implicit_array_creation_expression": Expressions.e_new_implicit_array,
    "anonymous_object_creation_expression": Expressions.e_anonymous,
    "default_expression": Expressions.e_default,
    "checked_expression": Expressions.e_checked,
    "sizeof_expression": Expressions.e_sizeof,
    "query_expression": query,
    "throw_expression": Expressions.e_throw,
}
