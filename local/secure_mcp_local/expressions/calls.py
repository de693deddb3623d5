"""Binding of members, calls, construction and lambdas."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.containers import Anonymous, Array
from secure_mcp_local.expressions.conversions import NUMERIC
from secure_mcp_local.expressions.converting import default
from secure_mcp_local.expressions.dotnet import MODELS
from secure_mcp_local.expressions.dotnet.linq import EXTENSIONS
from secure_mcp_local.expressions.dotnet.registry import Method, Model
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.failures import ExpressionError
from secure_mcp_local.expressions.operands import Operands
from secure_mcp_local.expressions.scope import (
    NAMESPACES,
    RESULT,
    Capture,
    Run,
    TypeName,
    Value,
)
from secure_mcp_local.expressions.syntax import Node
from secure_mcp_local.expressions.types import (
    BYTE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    JTOKEN,
    LONG,
    NULL,
    OBJECT,
    SMALL,
    STRING,
    UINT,
    ULONG,
    VOID,
    Type,
    array,
    element_of,
    holds_null,
    is_reference,
    nullable,
    underlying,
)


class Calls(Operands):
    """Members and calls are looked up in the tables of `dotnet`."""

    def statement(self, node: Node) -> Run:
        """A statement as a function: what lambdas with a block need of `Statements`."""
        raise NotImplementedError

    def completes(self, node: Node) -> bool:
        """Whether the end of a statement can be reached."""
        raise NotImplementedError

    def _e_member(self, node: Node) -> Value | TypeName:
        target = self.expr(node.a)
        name = node.b
        if isinstance(target, TypeName):
            return self.static_member(node, target.type, name)
        if target.type.name.startswith("anonymous "):
            return self.anonymous_member(node, target)
        model = self.model(target.type)
        found = model.properties.get(name) if model is not None else None
        owner_name = target.type.name
        for base in conversions.bases(target.type) if found is None else ():
            base_model = MODELS.get(base)
            found = base_model.properties.get(name) if base_model is not None else None
            if found is not None:
                owner_name = base
                break
        if found is None:
            raise self.unknown_member(node.pos, target.type, name)
        self.used(Type(owner_name), name)
        type_ = self.substituted(found.type, target.type)
        get, inner, stamp = found.get, target.run, conversions.stamp(type_)
        if found.env:
            with_env = get
            return Value(type_, lambda env: with_env(env, inner(env)))
        if not is_reference(target.type):
            return Value(type_, lambda env: get(inner(env)))

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            value = get(owner)
            return value if stamp is None else stamp(value)

        return Value(type_, run)

    def anonymous_member(self, node: Node, target: Value) -> Value:
        names = target.type.name.split(" ")[1:]
        if node.b not in names:
            raise self.error(node.pos, f"an anonymous type has no member '{node.b}'", "CS1061")
        at, inner = names.index(node.b), target.run

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            return owner.values[at]

        return Value(target.type.args[at], run)

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
        known = isinstance(fixed, str | int | float | Decimal) and constant.type != STRING
        return Value(constant.type, lambda env: fixed, fixed if known else None)

    def unknown_member(self, pos: int, type_: Type, name: str) -> ExpressionError:
        return self.not_modelled(pos, f"{type_}.{name}")

    def _e_cond(self, node: Node) -> Value:
        target = self.rvalue(node.a)
        if not holds_null(target.type):
            raise self.error(node.pos, f"operator '?' cannot be applied to '{target.type}'", "CS0023")
        slot, self.slots = self.slots, self.slots + 1
        before, self.hole = self.hole, Value(underlying(target.type), lambda env: env[slot])
        chain = self.expr(node.b)
        self.hole = before
        assert isinstance(chain, Value)
        if not holds_null(chain.type) and chain.type != VOID:
            chain = Value(nullable(chain.type), chain.run)
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
            if not conversions.plain(target.type) or target.type.name in {"HashSet", "Match"}:
                raise self.not_modelled(node.pos, f"an index of {target.type}")
            raise self.error(node.pos, f"cannot apply indexing with [] to '{target.type}'", "CS0021")
        self.used(target.type, "Item")
        if len(node.b) != 1:
            raise self.not_modelled(node.pos, "several indexes")
        indexer, given = model.indexer, self.rvalue(node.b[0].a)
        if model.second_indexer is not None and given.type == model.second_indexer.params[0]:
            indexer = model.second_indexer
        wanted = self.substituted(indexer.params[0], target.type)
        if target.type.name.startswith("J") and given.type != wanted:
            raise self.not_modelled(node.pos, f"an index of {given.type} into {target.type}")
        key = self.convert(given, wanted, node.pos)
        type_, get, inner = self.substituted(indexer.returns, target.type), indexer.run, target.run
        stamp = conversions.stamp(type_)

        def run(env: list[Any]) -> Any:
            owner, at = inner(env), key(env)
            if owner is None:
                raise null_reference()
            found = get(owner, at)
            return found if stamp is None else stamp(found)

        return Value(type_, run)

    # -- calls
    def _e_call(self, node: Node) -> Value:
        callee = node.a
        if callee.kind == "name" and (local := self.local_function(callee.a)) is not None:
            return self.call_function(node, local)
        if callee.kind != "member":
            return self.call_delegate(node)
        target = self.expr(callee.a)
        name, type_args = callee.b, [self.type(argument) for argument in callee.c or []]
        if isinstance(target, TypeName):
            return self.static_call(node, target.type, name, type_args)
        if name == "Invoke" and target.type.name in {"Func", "Action"}:
            return self.call_delegate(node, target)
        return self.instance_call(node, target, name, type_args)

    def static_call(self, node: Node, type_: Type, name: str, type_args: list[Type]) -> Value:
        model = self.model(type_)
        if type_.name == "Enumerable" and name in EXTENSIONS and node.b:
            # An extension method called by its class.
            target = self.rvalue(node.b[0].a)
            element = element_of(target.type)
            if element is not None and node.b[0].b is None and target.type.name != "JObject":
                self.members.add(f"Enumerable.{name}")
                callee = Node("member", node.pos, None, name, None)
                return EXTENSIONS[name](self, Node("call", node.pos, callee, node.b[1:]), target, element, type_args)
        if model is not None and type_args and name in model.static_generics:
            made = model.static_generics[name](*type_args)
            methods = made if isinstance(made, list) else [made]
        else:
            methods = model.statics.get(name, []) if model is not None and not type_args else []
        if not methods:
            raise self.unknown_member(node.a.pos, type_, name)
        self.used(type_, name)
        return self.invoke(node, methods, None, type_, name)

    def local_function(self, name: str) -> "LocalFunction | None":
        return None if self.variable(name) is not None else self.functions.get(name)

    def call_function(self, node: Node, function: "LocalFunction") -> Value:
        if any(argument.b or argument.c for argument in node.b) or len(node.b) != len(function.parameters):
            raise self.not_modelled(node.pos, "a call of a local function with named, out or missing arguments")
        runs = [
            self.convert(self.rvalue(argument.a, wanted), wanted, argument.pos)
            for argument, wanted in zip(node.b, function.parameters, strict=True)
        ]
        return Value(function.returns, lambda env: function.run(env, [run(env) for run in runs]))

    def call_delegate(self, node: Node, target: Value | None = None) -> Value:
        """`f(x)` of a variable of type Func."""
        target = self.rvalue(node.a) if target is None else target
        if target.type.name not in {"Func", "Action"}:
            raise self.not_modelled(node.pos, "a call of anything but a method, a Func or an Action")
        *parameters, result = (*target.type.args, VOID) if target.type.name == "Action" else target.type.args
        if any(argument.b or argument.c for argument in node.b) or len(node.b) != len(parameters):
            raise self.error(node.pos, f"a {target.type} takes {len(parameters)} arguments", "CS1593")
        runs = [
            self.convert(self.rvalue(argument.a, wanted), wanted, argument.pos)
            for argument, wanted in zip(node.b, parameters, strict=True)
        ]
        inner = target.run

        def run(env: list[Any]) -> Any:
            function = inner(env)
            arguments = [argument(env) for argument in runs]
            if function is None:
                raise null_reference()
            return function(*arguments)

        return Value(result, run)

    def instance_call(self, node: Node, target: Value, name: str, type_args: list[Type]) -> Value:
        callee = node.a
        owners = (
            target.type.name,
            *conversions.bases(target.type),
            *(() if target.type.name == "Nullable" else ("object",)),
        )
        for owner in owners:
            model = MODELS.get(owner)
            if model is None:
                continue
            if type_args and name in model.generics and len(type_args) == 1:
                self.used(Type(owner), name)
                made = model.generics[name](type_args[0])
                return self.invoke(node, made if isinstance(made, list) else [made], target, target.type, name)
            if not type_args and name in model.inferred:
                # The type argument is that of the last parameter's value.
                given = self.rvalue(node.b[-1].a) if len(node.b) == 2 else None
                if given is None or given.type == NULL:
                    raise self.not_modelled(node.pos, f"{target.type}.{name} without a type argument")
                self.used(Type(owner), name)
                made = model.generics[name](given.type)
                return self.invoke(node, made if isinstance(made, list) else [made], target, target.type, name)
            if not type_args and name in model.methods:
                self.used(Type(owner), name)
                methods = model.methods[name]
                if self.fitting(methods, node.b, target.type) or name not in EXTENSIONS:
                    return self.invoke(node, methods, target, target.type, name)
        element = element_of(target.type)
        own = MODELS.get(target.type.name)
        if own is not None and name in own.statics:
            raise self.not_modelled(node.pos, f"{target.type}.{name} of an object")
        if element is not None and name in EXTENSIONS:
            if target.type.name == "JObject" and name in {"Cast", "OfType"}:
                # To these it is a sequence of whatever it holds: properties.
                target, element = Value(Type("JContainer"), target.run), JTOKEN
            elif target.type.name == "JObject":
                # It is a sequence of two kinds of elements: C# cannot tell which is meant.
                raise self.error(callee.pos, f"'JObject' has no '{name}' without type arguments", "CS1061")
            if target.type.name == "GroupCollection" and name not in {"Cast", "OfType"}:
                raise self.not_modelled(callee.pos, f"GroupCollection.{name}")
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
        if receiver == STRING and name in {"Join", "Concat"}:
            self.refuse_ambiguous(node)
        bound = [argument for argument in node.b]
        values = [self.argument(argument) for argument in bound]
        best: tuple[int, Method, list[Run | None]] | None = None
        tied = False
        for method in candidates:
            matched = self.match(method, bound, values, receiver)
            if matched is not None and best is not None and matched[0] == best[0]:
                tied = True
            if matched is not None and (best is None or matched[0] < best[0]):
                best, tied = (matched[0], method, matched[1]), False
        if best is None or tied:
            found = ", ".join(_described(value) for value in values)
            raise self.not_modelled(node.pos, f"{receiver}.{name}({found})")
        _, method, runs = best
        for at, (argument, value) in enumerate(zip(bound, values, strict=True)):
            if isinstance(value, Node):
                place = method.names.index(argument.b) if argument.b is not None else at
                wanted = self.substituted(method.params[place], receiver)
                runs[place] = self.rvalue(value, wanted).run
        return self.called(node, method, runs, target, receiver)

    def refuse_ambiguous(self, node: Node) -> None:
        """An array of other objects than strings is an object[] as well as an IEnumerable<T>."""
        for argument in node.b[-1:]:
            given = self.rvalue(argument.a).type if argument.a.kind != "lambda" else OBJECT
            if given.name == "[]" and is_reference(given.args[0]) and given.args[0] not in (STRING, OBJECT):
                raise self.not_modelled(node.pos, f"string.{node.a.b} of {given}" if node.a else f"{given}")

    def argument(self, argument: Node) -> "Value | Node | None":
        """What is known of an argument before its parameter is: nothing of an `out`, and not the types of a lambda."""
        if argument.c == "out":
            return None
        inner = argument.a
        while inner.kind == "paren":
            inner = inner.a
        return inner if inner.kind == "lambda" else self.rvalue(argument.a)

    def match(
        self, method: Method, arguments: list[Node], values: "Sequence[Value | Node | None]", receiver: Type
    ) -> tuple[int, list[Run | None]] | None:
        """How well an overload fits (0 is exact) and its converted arguments."""
        # Where conversions are alike, a method without a params array and with fewer defaults is the better one.
        score = 10 if method.rest is not None else 0
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
                if isinstance(value, Node):
                    if wanted.name not in {"Func", "Action"} or len(value.a) != len(wanted.args) - (
                        wanted.name == "Func"
                    ):
                        return None
                    continue
            elif method.rest is not None and isinstance(value, Value):
                wanted = method.rest
            else:
                return None
            run = conversions.implicit(value.run, value.type, wanted, value.constant)
            if run is None:
                return None
            score += 100 * _distance(value.type, wanted)
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
                score += 1
        if method.rest is not None:
            type_ = array(method.rest)
            # An array in the place of the parameters is the array itself.
            placed.append(lambda env: Array([run(env) for run in rest], type_))
        return score, placed

    def called(self, node: Node, method: Method, runs: list[Run | None], target: Value | None, receiver: Type) -> Value:
        slot: int | None = None
        empty: Any = None
        for argument, placed in zip(node.b, runs, strict=False):
            if placed is None:
                given = self.substituted(method.params[runs.index(None)], receiver).args[0]
                slot = self.out_slot(argument, given)
                empty = None if holds_null(given) else default(given)
        arguments = tuple(placed for placed in runs if placed is not None)
        function, with_env = method.run, method.env
        inner = target.run if target is not None else None
        checked = target is not None and is_reference(target.type) and not method.null
        type_ = self.substituted(method.returns, receiver)
        stamp = conversions.stamp(type_)
        if method.typed:
            typed = type_

            def function(*given: Any, method: Method = method) -> Any:
                return method.run(typed, *given)

        def run(env: list[Any]) -> Any:
            if inner is None:
                values = [argument(env) for argument in arguments]
            else:
                # C# looks at the receiver after the arguments.
                values = [inner(env), *[argument(env) for argument in arguments]]
                if checked and values[0] is None:
                    raise null_reference()
            result = function(env, *values) if with_env else function(*values)
            if slot is not None:
                result, given = result
                env[slot] = empty if given is None else given
            return result if stamp is None else stamp(result)

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
        """`new T(...) { ... }`: each item is added, or put at its key."""
        steps = [self.initial_step(created.type, item, model) for item in init.a]
        make = created.run

        def run(env: list[Any]) -> Any:
            made = make(env)
            for step in steps:
                step(env, made)
            return made

        return Value(created.type, run)

    def initial_step(self, type_: Type, item: Node, model: Model) -> Callable[[list[Any], Any], None]:
        if item.kind == "initindex":
            if model.indexer is None or model.set_indexer is None or len(item.a) != 1:
                raise self.not_modelled(item.pos, f"an initializer of {type_}")
            key_type, value_type = (
                self.substituted(t, type_) for t in (model.indexer.params[0], model.indexer.returns)
            )
            key = self.convert(self.rvalue(item.a[0].a), key_type, item.pos)
            if item.b.kind == "init":
                raise self.not_modelled(item.pos, "an initializer in an initializer")
            value = self.convert(self.rvalue(item.b, value_type), value_type, item.pos)
            setter = model.set_indexer
            return lambda env, made: setter(made, key(env), value(env))
        if item.kind == "initmember":
            found = model.properties.get(item.a)
            if found is None or found.put is None or item.b.kind == "init":
                raise self.not_modelled(item.pos, f"{type_}.{item.a} in an initializer")
            wanted = self.substituted(found.type, type_)
            content, put = self.convert(self.rvalue(item.b, wanted), wanted, item.pos), found.put
            return lambda env, made: put(made, content(env))
        methods = model.methods.get("Add")
        if methods is None:
            raise self.not_modelled(item.pos, f"an initializer of {type_}")
        cell: list[Any] = [None]
        arguments = item.a if item.kind == "init" else [item]
        call = Node("call", item.pos, None, [Node("arg", argument.pos, argument) for argument in arguments])
        added = self.invoke(call, methods, Value(type_, lambda env: cell[0]), type_, "Add").run

        def add(env: list[Any], made: Any) -> None:
            cell[0] = made
            added(env)

        return add

    def _e_newarray(self, node: Node) -> Value:
        type_ = self.type(node.a)
        if node.c is not None:
            return self.array_initial(node.c, type_, node.b)
        size = self.rvalue(node.b)
        if isinstance(size.constant, int) and size.constant < 0:
            raise self.error(node.pos, "an array cannot have a negative size", "CS0248")
        return Value(type_, conversions.new_array(self.convert(size, INT, node.pos), type_.args[0]))

    def array_initial(self, init: Node, type_: Type, size: Node | None = None) -> Value:
        if type_.name != "[]":
            raise self.not_modelled(init.pos, f"an initializer of {type_}")
        if size is not None and self.rvalue(size).constant != len(init.a):
            raise self.error(init.pos, "the initializer has not as many items as the array", "CS0847")
        items = [self.convert(self.rvalue(item, type_.args[0]), type_.args[0], item.pos) for item in init.a]
        if type_.args[0] == BYTE:
            return Value(type_, lambda env: bytearray([item(env) for item in items]))
        return Value(type_, lambda env: Array([item(env) for item in items], type_))

    def _e_newimplicit(self, node: Node) -> Value:
        items = [self.rvalue(item) for item in node.a.a]
        element = conversions.best_common(items)
        if element is None:
            raise self.not_modelled(node.pos, "new[] without one type for all items")
        return self.array_initial(node.a, array(element))

    def _e_anonymous(self, node: Node) -> Value:
        values = [self.rvalue(member) for _, member, _ in node.a]
        if any(value.type == NULL for value in values):
            raise self.error(node.pos, "cannot assign null to a member of an anonymous type", "CS0828")
        names = [name for name, _, _ in node.a]
        if len(set(names)) < len(names):
            raise self.error(node.pos, "an anonymous type cannot have two members of one name", "CS0833")
        type_ = Type(" ".join(["anonymous", *names]), tuple(value.type for value in values))
        runs = tuple(value.run for value in values)
        return Value(type_, lambda env: Anonymous(type_, tuple([run(env) for run in runs])))

    def _e_lambda(self, node: Node, expected: Type | None = None) -> Value:
        """A lambda as an object: a Func."""
        if expected is None or expected.name not in {"Func", "Action"}:
            raise self.not_modelled(node.pos, "a lambda here")
        parameters = expected.args[:-1] if expected.name == "Func" else expected.args
        first = self.slots
        type_, function, kept = self.lazy_function(node, parameters, expected)
        last = self.slots
        if expected.name == "Func":
            result = expected.args[-1]
            given: list[Any] = [None]
            turned = self.convert(Value(type_, lambda env: given[0], self.last_constant), result, node.pos)
            inner = function

            def function(env: list[Any], *arguments: Any) -> Any:
                value = inner(env, *arguments)
                given[0] = value
                return turned(env)

        def make(env: list[Any]) -> Any:
            own = kept(env)

            def call(*arguments: Any) -> Any:
                # It may call itself: what it holds is put back afterwards.
                held = own[first:last]
                try:
                    return function(own, *arguments)
                finally:
                    own[first:last] = held

            return call

        return Value(expected, make)

    # -- lambdas, for the extension methods
    def lazy_function(
        self, node: Node, parameters: Sequence[Type], expected: Type | None = None
    ) -> tuple[Type, Callable[..., Any], Callable[[list[Any]], list[Any]]]:
        """A lambda that runs after its expression: also what gives the environment to keep for it."""
        type_, function = self.function(node, parameters, expected)
        capture = self.last_capture
        self.captures.append(capture)
        return type_, function, capture.environment

    def function(
        self, node: Node, parameters: Sequence[Type], expected: Type | None = None
    ) -> tuple[Type, Callable[..., Any]]:
        """A lambda whose parameter types the receiver gives: its result type, and a function of env and arguments."""
        if node.kind in {"name", "member"}:
            return self.method_group(node, parameters)
        if node.kind != "lambda" or len(node.a) != len(parameters):
            raise self.not_modelled(node.pos, "anything but a lambda with these parameters here")
        self.enter()
        before = self.unassigned
        capture = Capture(node.pos, self.slots)
        self.lambdas.append(capture)
        self.rounds += 1
        slots: list[int] = []
        for (type_, name), given in zip(node.a, parameters, strict=True):
            declared = self.type(type_) if type_ is not None else given
            if declared != given:
                raise self.error(node.pos, f"parameter '{name}' is of type '{given}'", "CS1678")
            slots.append(self.declare(node.pos, name, declared))
        body = self.block_body(node, expected) if node.c else self.lambda_body(node.b, expected)
        self.rounds -= 1
        self.lambdas.pop()
        self.last_capture, self.last_constant = capture, body.constant
        self.unassigned = before
        self.leave()
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

    def lambda_body(self, node: Node, expected: Type | None) -> Value:
        if expected is not None and expected.name == "Action":
            value = self.expr(node)
            if isinstance(value, Value):
                return value
        return self.rvalue(node, expected.args[-1] if expected is not None and expected.name == "Func" else None)

    def block_body(self, node: Node, expected: Type | None) -> Value:
        """`=> { ... return x; }`: its type is the best common one of its returns."""
        outer, self.returns = self.returns, []
        body = self.statement(node.b)
        returns, self.returns = self.returns, outer
        ends = self.completes(node.b)
        values = [each.value for each in returns if each.value is not None]
        if not values:
            if expected is None or expected.name != "Action" or not ends:
                raise self.not_modelled(node.pos, "a lambda that returns nothing")
            return Value(VOID, body)
        if ends or len(values) < len(returns):
            raise self.error(node.pos, "not all code paths return a value", "CS1643")
        type_ = (
            expected.args[-1] if expected is not None and expected.name == "Func" else conversions.best_common(values)
        )
        if type_ is None:
            raise self.not_modelled(node.pos, "a lambda without one type for all returns")
        for each, value in zip(returns, values, strict=True):
            each.convert = self.convert(value, type_, each.pos)

        def run(env: list[Any]) -> Any:
            held = env[RESULT]
            body(env)
            result, env[RESULT] = env[RESULT], held
            return result

        return Value(type_, run)

    def method_group(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Callable[..., Any]]:
        """`char.IsDigit` where a function is wanted, or a variable that holds one."""
        if node.kind == "name" and (found := self.variable(node.a)) is not None:
            type_, slot = found
            if type_.name != "Func" or type_.args[:-1] != tuple(parameters):
                raise self.not_modelled(node.pos, f"a {type_} as this argument")
            self.read(node.pos, node.a, slot)
            self.last_capture, self.last_constant = Capture(node.pos, self.slots), None
            return type_.args[-1], lambda env, *arguments: env[slot](*arguments)
        if node.kind != "member" or node.c or not isinstance(owner := self.expr(node.a), TypeName):
            raise self.not_modelled(node.pos, "this method as an argument")
        model = self.model(owner.type)
        methods = [
            m for m in (model.statics.get(node.b, []) if model is not None else []) if m.params == tuple(parameters)
        ]
        if len(methods) != 1 or methods[0].env or methods[0].rest is not None:
            raise self.not_modelled(node.pos, f"{owner.type}.{node.b} as an argument")
        self.used(owner.type, node.b)
        self.last_capture, self.last_constant = Capture(node.pos, self.slots), None
        function = methods[0].run
        return methods[0].returns, lambda env, *arguments: function(*arguments)


class LocalFunction:
    """A function declared in the block."""

    def __init__(self, parameters: list[Type], returns: Type) -> None:
        self.parameters, self.returns = parameters, returns
        self.slots: list[int] = []
        self.last = 0
        self.body: Run = lambda env: None

    def run(self, env: list[Any], arguments: list[Any]) -> Any:
        first, last = self.slots[0] if self.slots else self.last, self.last
        held, result = env[first:last], env[RESULT]
        try:
            for slot, argument in zip(self.slots, arguments, strict=True):
                env[slot] = argument
            self.body(env)
            return env[RESULT]
        finally:
            env[first:last], env[RESULT] = held, result


def _described(value: "Value | Node | None") -> str:
    return "out" if value is None else "lambda" if isinstance(value, Node) else str(value.type)


def _distance(given: Type, wanted: Type) -> int:
    """How much an argument is converted: C# prefers what is nearer."""
    if given == wanted:
        return 0
    if wanted == OBJECT:
        return 30
    if given in NUMERIC and wanted in NUMERIC:
        return 1 + [INT, UINT, LONG, ULONG, FLOAT, DOUBLE, DECIMAL, *SMALL].index(wanted)
    if wanted.args and given.args and given.name != "Nullable":
        return 5 if given.args[-1] == wanted.args[-1] else 12
    if wanted.args:
        return 5 if element_of(given) == wanted.args[-1] else 12
    return 10
