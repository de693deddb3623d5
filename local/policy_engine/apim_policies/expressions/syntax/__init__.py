"""From text to a syntax tree of the C# that policy expressions use.

`tree-sitter-c-sharp` finds statements, literals, types and operands; its kinds of nodes are converted by tables,
and a kind that is in none is refused by name. Operators are a different matter: the grammar gets their
nesting wrong without saying so (`a + b?.c` becomes `(a + b)?.c`, `x is null || y` becomes `x is (null || y)`,
`(T)x.As<U>(true)` becomes two comparisons, `(x)-y` a cast, `(x)[0]` a cast of a collection). The order of the
tokens is always right, so each operator expression is flattened into its operands and operators (`flattening`), put
right where even that is not enough (`repairs`), and parsed again with C#'s own precedences (`operators`).
"""
