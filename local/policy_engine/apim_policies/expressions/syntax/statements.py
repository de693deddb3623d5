"""Reading of statements."""

from collections.abc import Callable

import tree_sitter

from apim_policies.expressions.syntax.expressions import Expressions
from apim_policies.expressions.syntax.reader import named
from apim_policies.expressions.syntax.tree import Node


class Statements(Expressions):
    """Reads whole blocks."""

    def block(self, node: tree_sitter.Node) -> Node:
        return Node("block", node.start_byte, [self.statement(child) for child in named(node)])

    def statement(self, node: tree_sitter.Node) -> Node:
        read = _STATEMENTS.get(node.type)
        if read is None:
            raise self.refuse(node)
        return read(self, node)

    def s_expression(self, node: tree_sitter.Node) -> Node:
        return Node("expr", node.start_byte, self.expr(named(node)[0]))

    def s_return(self, node: tree_sitter.Node) -> Node:
        inner = named(node)
        return Node("return", node.start_byte, self.expr(inner[0]) if inner else None)

    def s_throw(self, node: tree_sitter.Node) -> Node:
        inner = named(node)
        return Node("throw", node.start_byte, self.expr(inner[0]) if inner else None)

    def s_checked(self, node: tree_sitter.Node) -> Node:
        """checkedblock(block, whether it is checked)"""
        return Node("checkedblock", node.start_byte, self.block(named(node)[0]), node.children[0].type == "checked")

    def s_empty(self, node: tree_sitter.Node) -> Node:
        return Node("block", node.start_byte, [])

    def s_jump(self, node: tree_sitter.Node) -> Node:
        return Node(node.type.removesuffix("_statement"), node.start_byte)

    def s_local(self, node: tree_sitter.Node) -> Node:
        const = False
        declaration: tree_sitter.Node | None = None
        for child in named(node):
            if child.type == "modifier" and self.text(child) == "const":
                const = True
            elif child.type == "variable_declaration":
                declaration = child
            else:
                raise self.refuse(child)
        if declaration is None or node.children[0].type in ("using", "await"):
            raise self.refuse(node)
        result = self.declaration(declaration)
        result.c = const
        return result

    def declaration(self, node: tree_sitter.Node) -> Node:
        """local(type, [(name, initializer or None, pos)])"""
        type_node = node.child_by_field_name("type")
        assert type_node is not None
        variables: list[tuple[str, Node | None, int]] = []
        for child in named(node):
            if child.type != "variable_declarator":
                if child.start_byte == type_node.start_byte:
                    continue
                raise self.refuse(child)
            name = child.child_by_field_name("name")
            if name is None or name.type != "identifier":
                raise self.refuse(named(child)[0])
            rest = [c for c in named(child) if c.start_byte != name.start_byte]
            if len(rest) > 1 or (rest and rest[0].type == "bracketed_argument_list"):
                raise self.refuse(child)
            init = None
            if rest:
                init = self.initializer(rest[0]) if rest[0].type == "initializer_expression" else self.expr(rest[0])
            variables.append((self.identifier(name), init, child.start_byte))
        return Node("local", node.start_byte, self.type(type_node), variables)

    def s_if(self, node: tree_sitter.Node) -> Node:
        other = node.child_by_field_name("alternative")
        return Node(
            "if",
            node.start_byte,
            self.expr(self.field(node, "condition")),
            self.statement(self.field(node, "consequence")),
            self.statement(other) if other is not None else None,
        )

    def s_while(self, node: tree_sitter.Node) -> Node:
        inner = [c for c in named(node)]
        return Node("while", node.start_byte, self.expr(inner[0]), self.statement(self.field(node, "body")))

    def s_do(self, node: tree_sitter.Node) -> Node:
        condition = self.expr(self.field(node, "condition"))
        return Node("do", node.start_byte, condition, self.statement(self.field(node, "body")))

    def s_for(self, node: tree_sitter.Node) -> Node:
        initial: list[Node] = []
        for child in node.children_by_field_name("initializer"):
            if not child.is_named:
                continue
            if child.type == "variable_declaration":
                initial.append(self.declaration(child))
            else:
                initial.append(Node("expr", child.start_byte, self.expr(child)))
        condition = node.child_by_field_name("condition")
        updates = [
            Node("expr", c.start_byte, self.expr(c)) for c in node.children_by_field_name("update") if c.is_named
        ]
        body = self.statement(self.field(node, "body"))
        return Node("for", node.start_byte, initial, self.expr(condition) if condition else None, updates, body)

    def s_foreach(self, node: tree_sitter.Node) -> Node:
        if node.children[0].type != "foreach":
            raise self.refuse(node)
        left = self.field(node, "left")
        if left.type != "identifier":
            raise self.refuse(left)
        return Node(
            "foreach",
            node.start_byte,
            self.type(self.field(node, "type")),
            (self.identifier(left), left.start_byte),
            self.expr(self.field(node, "right")),
            self.statement(self.field(node, "body")),
        )

    def s_try(self, node: tree_sitter.Node) -> Node:
        catches: list[tuple[Node | None, str | None, Node | None, Node, int]] = []
        final: Node | None = None
        for child in named(node):
            if child.type == "catch_clause":
                type_: Node | None = None
                name: str | None = None
                when: Node | None = None
                body: Node | None = None
                for part in named(child):
                    if part.type == "catch_declaration":
                        type_ = self.type(self.field(part, "type"))
                        name_node = part.child_by_field_name("name")
                        name = self.identifier(name_node) if name_node is not None else None
                    elif part.type == "catch_filter_clause":
                        when = self.expr(named(part)[0])
                    else:
                        body = self.block(part)
                assert body is not None
                catches.append((type_, name, when, body, child.start_byte))
            elif child.type == "finally_clause":
                final = self.block(named(child)[0])
        return Node("try", node.start_byte, self.block(self.field(node, "body")), catches, final)

    def s_using(self, node: tree_sitter.Node) -> Node:
        if node.children[0].type != "using":
            raise self.refuse(node)
        resource = named(node)[0]
        body = self.statement(self.field(node, "body"))
        if resource.type == "variable_declaration":
            return Node("using", node.start_byte, self.declaration(resource), body)
        return Node("using", node.start_byte, Node("expr", resource.start_byte, self.expr(resource)), body)

    def s_switch(self, node: tree_sitter.Node) -> Node:
        """switch(value, [(labels, statements, pos)]); a label is an expression or None for default."""
        sections: list[tuple[list[Node | None], list[Node], int]] = []
        for section in named(self.field(node, "body")):
            if section.type != "switch_section":
                raise self.refuse(section)
            labels: list[Node | None] = []
            statements: list[Node] = []
            for child in section.children:
                if child.type == "default":
                    labels.append(None)
                elif child.type == "constant_pattern":
                    labels.append(self.expr(named(child)[0]))
                elif child.is_named and child.type in _STATEMENTS:
                    statements.append(self.statement(child))
                elif child.is_named and child.type != "comment":
                    raise self.refuse(child)
            if sections and not sections[-1][1]:
                labels = sections.pop()[0] + labels
            sections.append((labels, statements, section.start_byte))
        return Node("switch", node.start_byte, self.expr(self.field(node, "value")), sections)

    def s_local_function(self, node: tree_sitter.Node) -> Node:
        body = self.field(node, "body")
        if any(child.type in ("modifier", "type_parameter_list") for child in node.children):
            raise self.refuse(node)
        block = body.type == "block"
        if not block:
            body = named(body)[0] if body.type == "arrow_expression_clause" else body
        return Node(
            "function",
            node.start_byte,
            (self.type(self.field(node, "type")), self.identifier(self.field(node, "name"))),
            self.parameters(self.field(node, "parameters")),
            self.block(body) if block else self.expr(body),
            block,
        )


_STATEMENTS: dict[str, Callable[[Statements, tree_sitter.Node], Node]] = {
    "block": Statements.block,
    "checked_statement": Statements.s_checked,
    "expression_statement": Statements.s_expression,
    "return_statement": Statements.s_return,
    "throw_statement": Statements.s_throw,
    "empty_statement": Statements.s_empty,
    "break_statement": Statements.s_jump,
    "continue_statement": Statements.s_jump,
    "local_declaration_statement": Statements.s_local,
    "if_statement": Statements.s_if,
    "while_statement": Statements.s_while,
    "do_statement": Statements.s_do,
    "for_statement": Statements.s_for,
    "foreach_statement": Statements.s_foreach,
    "try_statement": Statements.s_try,
    "using_statement": Statements.s_using,
    "switch_statement": Statements.s_switch,
    "local_function_statement": Statements.s_local_function,
}
