"""Binding of members, calls, construction and lambdas."""

from collections.abc import Callable, Sequence
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.dotnet import MODELS
from secure_mcp_local.expressions.dotnet.linq import EXTENSIONS
from secure_mcp_local.expressions.dotnet.registry import Method, Model
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.failures import ExpressionError
from secure_mcp_local.expressions.operands import Operands
from secure_mcp_local.expressions.scope import (
    NAMESPACES,
    Capture,
    Run,
    TypeName,
    Value,
)
from secure_mcp_local.expressions.syntax import Node
from secure_mcp_local.expressions.types import (
    INT,
    OBJECT,
    VOID,
    Type,
    array,
    element_of,
    is_reference,
)


class Calls(Operands):
    """Members and calls are looked up in the tables of `dotnet`."""

    def _e_member(self, node: Node) -> Value | TypeName:
        target = self.expr(node.a)
        name = node.b
        if isinstance(target, TypeName):
            return self.static_member(node, target.type, name)
        model = self.model(target.type)
        found = model.properties.get(name) if model is not None else None
        for base in conversions.bases(target.type) if found is None else ():
            base_model = MODELS.get(base)
            found = base_model.properties.get(name) if base_model is not None else None
            if found is not None:
                break
        if found is None:
            raise self.unknown_member(node.pos, target.type, name)
        self.used(target.type, name)
        type_ = self.substituted(found.type, target.type)
        get, inner = found.get, target.run
        if not is_reference(target.type):
            return Value(type_, lambda env: get(inner(env)))

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            return get(owner)

        return Value(type_, run)

    def static_member(self, node: Node, type_: Type, name: str) -> Value | TypeName:
        if type_.name.startswith("namespace "):
            full = f"{type_.name.removeprefix('namespace ')}.{name}"
            if full in NAMESPACES:
                return TypeName(Type(f"namespace {full}"))
            args = tuple(self.type(argument) for argument in node.c) if node.c else ()
            found = self.named_type(full, args)
            if found is None:
                raise self.unknown_type(node.pos, full)
            return TypeName(found)
        model = self.model(type_)
        constant = model.static_properties.get(name) if model is not None else None
        if constant is None:
            raise self.unknown_member(node.pos, type_, name)
        self.used(type_, name)
        get = constant.get
        if constant.env:
            return Value(constant.type, get)
        fixed = get()
        return Value(constant.type, lambda env: fixed, fixed if isinstance(fixed, str | int) else None)

    def unknown_member(self, pos: int, type_: Type, name: str) -> ExpressionError:
        return self.not_modelled(pos, f"{type_}.{name}")

    def _e_cond(self, node: Node) -> Value:
        target = self.rvalue(node.a)
        if not is_reference(target.type):
            raise self.error(node.pos, f"operator '?' cannot be applied to '{target.type}'", "CS0023")
        slot, self.slots = self.slots, self.slots + 1
        before, self.hole = self.hole, Value(target.type, lambda env: env[slot])
        chain = self.expr(node.b)
        self.hole = before
        assert isinstance(chain, Value)
        if not is_reference(chain.type) and chain.type != VOID:
            raise self.not_modelled(node.pos, f"'?.' with a result of the value type {chain.type}")
        inner, rest = target.run, chain.run

        def run(env: list[Any]) -> Any:
            env[slot] = owner = inner(env)
            return None if owner is None else rest(env)

        return Value(chain.type, run)

    def _e_hole(self, node: Node) -> Value:
        assert self.hole is not None, node
        return self.hole

    def _e_index(self, node: Node) -> Value:
        if node.a.kind == "newarray" and node.a.c is None:
            raise self.error(node.pos, "invalid rank specifier", "CS0178")
        target = self.rvalue(node.a)
        model = self.model(target.type)
        if model is None or model.indexer is None:
            raise self.error(node.pos, f"cannot apply indexing with [] to '{target.type}'", "CS0021")
        self.used(target.type, "Item")
        if len(node.b) != 1:
            raise self.not_modelled(node.pos, "several indexes")
        indexer, given = model.indexer, self.rvalue(node.b[0].a)
        if model.second_indexer is not None and given.type == model.second_indexer.params[0]:
            indexer = model.second_indexer
        key = self.convert(given, self.substituted(indexer.params[0], target.type), node.pos)
        type_, get, inner = self.substituted(indexer.returns, target.type), indexer.run, target.run

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            return get(owner, key(env))

        return Value(type_, run)

    # -- calls
    def _e_call(self, node: Node) -> Value:
        callee = node.a
        if callee.kind != "member":
            raise self.not_modelled(node.pos, "a call of anything but a method")
        target = self.expr(callee.a)
        name, type_args = callee.b, [self.type(argument) for argument in callee.c or []]
        if isinstance(target, TypeName):
            model = self.model(target.type)
            methods = model.statics.get(name, []) if model is not None else []
            if not methods:
                raise self.unknown_member(callee.pos, target.type, name)
            self.used(target.type, name)
            return self.invoke(node, methods, None, target.type, name)
        return self.instance_call(node, target, name, type_args)

    def instance_call(self, node: Node, target: Value, name: str, type_args: list[Type]) -> Value:
        callee = node.a
        for owner in (target.type.name, *conversions.bases(target.type), "object"):
            model = MODELS.get(owner)
            if model is None:
                continue
            if type_args and name in model.generics and len(type_args) == 1:
                self.used(Type(owner), name)
                return self.invoke(node, [model.generics[name](type_args[0])], target, target.type, name)
            if not type_args and name in model.methods:
                self.used(Type(owner), name)
                methods = model.methods[name]
                if self.fitting(methods, node.b, target.type) or name not in EXTENSIONS:
                    return self.invoke(node, methods, target, target.type, name)
        element = element_of(target.type)
        if element is not None and name in EXTENSIONS:
            if target.type.name == "JObject":
                # It is a sequence of two kinds of elements: C# cannot tell which is meant.
                raise self.error(callee.pos, f"the type arguments of '{name}' cannot be inferred", "CS0411")
            self.members.add(f"Enumerable.{name}")
            return EXTENSIONS[name](self, node, target, element, type_args)
        raise self.unknown_member(node.pos, target.type, name)

    def fitting(self, methods: Sequence[Method], arguments: list[Node], receiver: Type) -> list[Method]:
        """Overloads that the number of arguments allows."""
        count = len(arguments)
        return [
            method
            for method in methods
            if len(method.params) - len(method.optional) <= count
            and (count <= len(method.params) or method.rest is not None)
        ]

    def invoke(self, node: Node, methods: Sequence[Method], target: Value | None, receiver: Type, name: str) -> Value:
        candidates = self.fitting(methods, node.b, receiver)
        bound = [argument for argument in node.b]
        values = [None if argument.c == "out" else self.rvalue_or_lambda(argument.a) for argument in bound]
        best: tuple[int, Method, list[Run | None]] | None = None
        for method in candidates:
            matched = self.match(method, bound, values, receiver)
            if matched is not None and (best is None or matched[0] < best[0]):
                best = (matched[0], method, matched[1])
        if best is None:
            found = ", ".join("out" if v is None else str(v.type) for v in values)
            raise self.not_modelled(node.pos, f"{receiver}.{name}({found})")
        _, method, runs = best
        return self.called(node, method, runs, target, receiver)

    def rvalue_or_lambda(self, node: Node) -> Value:
        if node.kind == "lambda":
            raise self.not_modelled(node.pos, "a lambda for this method")
        return self.rvalue(node)

    def match(
        self, method: Method, arguments: list[Node], values: Sequence[Value | None], receiver: Type
    ) -> tuple[int, list[Run | None]] | None:
        """How well an overload fits (0 is exact) and its converted arguments."""
        score = 0
        placed: list[Run | None] = [None] * len(method.params)
        given = [False] * len(method.params)
        rest: list[Run] = []
        for index, (argument, value) in enumerate(zip(arguments, values, strict=True)):
            at = index
            if argument.b is not None:
                if argument.b not in method.names:
                    return None
                at = method.names.index(argument.b)
            if at < len(method.params):
                wanted = self.substituted(method.params[at], receiver)
                given[at] = True
                if (wanted.name == "out") != (value is None):
                    return None
                if value is None:
                    continue
            elif method.rest is not None and value is not None:
                wanted = method.rest
                score += 2
            else:
                return None
            run = conversions.implicit(value.run, value.type, wanted, value.constant)
            if run is None:
                return None
            score += 0 if value.type == wanted else 1 if wanted != OBJECT else 3
            if at < len(method.params):
                placed[at] = run
            else:
                rest.append(run)
        for at, present in enumerate(given):
            if not present:
                missing = len(method.params) - at
                if missing > len(method.optional):
                    return None
                default = method.optional[len(method.optional) - missing]
                placed[at] = lambda env, default=default: default
        if method.rest is not None:
            placed.append(lambda env: [run(env) for run in rest])
        return score, placed

    def called(self, node: Node, method: Method, runs: list[Run | None], target: Value | None, receiver: Type) -> Value:
        slot: int | None = None
        for argument, placed in zip(node.b, runs, strict=False):
            if placed is None:
                slot = self.out_slot(argument, self.substituted(method.params[runs.index(None)], receiver).args[0])
        arguments = tuple(placed for placed in runs if placed is not None)
        function, with_env = method.run, method.env
        inner = target.run if target is not None else None
        nullable = target is not None and is_reference(target.type)
        type_ = self.substituted(method.returns, receiver)

        def run(env: list[Any]) -> Any:
            if inner is None:
                values = [argument(env) for argument in arguments]
            else:
                owner = inner(env)
                if owner is None and nullable:
                    raise null_reference()
                values = [owner, *[argument(env) for argument in arguments]]
            result = function(env, *values) if with_env else function(*values)
            if slot is not None:
                result, env[slot] = result
            return result

        return Value(type_, run)

    def out_slot(self, argument: Node, type_: Type) -> int:
        target = argument.a
        if target.kind == "outvar":
            declared = type_ if target.a.kind == "tvar" else self.type(target.a)
            if declared != type_:
                raise self.error(argument.pos, f"cannot convert from 'out {declared}' to 'out {type_}'", "CS1503")
            return self.declare(argument.pos, target.b, declared)
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None:
            raise self.error(argument.pos, "an out argument must be a variable", "CS1510")
        if found[0] != type_:
            raise self.error(argument.pos, f"cannot convert from 'out {found[0]}' to 'out {type_}'", "CS1503")
        self.assigned(argument.pos, found[1])
        return found[1]

    # -- construction
    def _e_new(self, node: Node) -> Value:
        type_ = self.type(node.a)
        model = self.model(type_)
        if model is None or not model.constructors:
            raise self.not_modelled(node.pos, f"new {type_}")
        self.used(type_, ".ctor")
        created = self.invoke(Node("call", node.pos, None, node.b), model.constructors, None, type_, ".ctor")
        created = Value(type_, created.run)
        return self.initialized(created, node.c, model) if node.c is not None else created

    def initialized(self, created: Value, init: Node, model: Model) -> Value:
        if "Add" in model.methods and init.a and all(not item.kind.startswith("init") for item in init.a):
            return self.collected(created, init, model)
        if model.indexer is None or model.set_indexer is None:
            raise self.not_modelled(init.pos, f"an initializer of {created.type}")
        key_type, value_type = (
            self.substituted(t, created.type) for t in (model.indexer.params[0], model.indexer.returns)
        )
        entries: list[tuple[Run, Run]] = []
        for item in init.a:
            if item.kind != "initindex" or len(item.a) != 1:
                raise self.not_modelled(item.pos, "an initializer other than [key] = value")
            key = self.convert(self.rvalue(item.a[0].a), key_type, item.pos)
            entries.append((key, self.convert(self.rvalue(item.b, value_type), value_type, item.pos)))
        make, setter = created.run, model.set_indexer

        def run(env: list[Any]) -> Any:
            made = make(env)
            for key, value in entries:
                setter(made, key(env), value(env))
            return made

        return Value(created.type, run)

    def collected(self, created: Value, init: Node, model: Model) -> Value:
        """`new List<string> { "a", "b" }`: each item is added."""
        add = model.methods["Add"][0]
        wanted = self.substituted(add.params[0], created.type)
        items = [self.convert(self.rvalue(item, wanted), wanted, item.pos) for item in init.a]
        make, put = created.run, add.run

        def run(env: list[Any]) -> Any:
            made = make(env)
            for item in items:
                put(made, item(env))
            return made

        return Value(created.type, run)

    def _e_newarray(self, node: Node) -> Value:
        type_ = self.type(node.a)
        if node.c is not None:
            return self.array_initial(node.c, type_)
        size = self.convert(self.rvalue(node.b), INT, node.pos)
        return Value(type_, conversions.new_array(size, type_.args[0]))

    def array_initial(self, init: Node, type_: Type) -> Value:
        if type_.name != "[]":
            raise self.not_modelled(init.pos, f"an initializer of {type_}")
        items = [self.convert(self.rvalue(item), type_.args[0], item.pos) for item in init.a]
        make: Callable[[list[Any]], Any] = bytearray if type_.args[0].name == "byte" else list
        return Value(type_, lambda env: make([item(env) for item in items]))

    def _e_newimplicit(self, node: Node) -> Value:
        items = [self.rvalue(item) for item in node.a.a]
        if not items or any(item.type != items[0].type for item in items):
            raise self.not_modelled(node.pos, "new[] of different types")
        return self.array_initial(node.a, array(items[0].type))

    # -- lambdas, for the extension methods
    def lazy_function(
        self, node: Node, parameters: Sequence[Type]
    ) -> tuple[Type, Callable[..., Any], Callable[[list[Any]], list[Any]]]:
        """A lambda that runs after its expression: also what gives the environment to keep for it."""
        type_, function = self.function(node, parameters)
        capture = self.last_capture
        self.captures.append(capture)
        return type_, function, capture.environment

    def function(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Callable[..., Any]]:
        """A lambda whose parameter types the receiver gives: its result type, and a function of env and arguments."""
        if node.kind != "lambda" or len(node.a) != len(parameters):
            raise self.not_modelled(node.pos, "anything but a lambda with these parameters here")
        if node.c:
            raise self.not_modelled(node.pos, "a lambda with a block")
        self.scopes.append({})
        before = self.unassigned
        capture = Capture(node.pos, self.slots)
        self.lambdas.append(capture)
        self.rounds += 1
        slots = [
            self.declare(node.pos, name, self.type(type_) if type_ is not None else given)
            for (type_, name), given in zip(node.a, parameters, strict=True)
        ]
        body = self.rvalue(node.b)
        self.rounds -= 1
        self.lambdas.pop()
        self.last_capture = capture
        self.unassigned = before
        self.scopes.pop()
        inner = body.run
        if len(slots) == 1:
            slot = slots[0]

            def one(env: list[Any], argument: Any) -> Any:
                env[slot] = argument
                return inner(env)

            return body.type, one

        def several(env: list[Any], *arguments: Any) -> Any:
            for slot, argument in zip(slots, arguments, strict=True):
                env[slot] = argument
            return inner(env)

        return body.type, several
