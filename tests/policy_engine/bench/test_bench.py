"""The test bench, tested with itself: sources, requests, mocks, clock, tokens, coverage, cases and the commands."""

import asyncio
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from apim_policies.bench import Coverage, PolicyGateway, load
from apim_policies.bench.cases import Cases
from apim_policies.bench.model_endpoint import ModelEndpoint
from apim_policies.command.serving import serve
from apim_policies.errors import ExplainedError

OTHERS = "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error>"


def document(inbound: str) -> str:
    return f"<policies><inbound><base />{inbound}</inbound>{OTHERS}</policies>"


GUARDED = document("""
  <validate-jwt header-name="Authorization" output-token-variable-name="token">
    <openid-config url="https://issuer.example/.well-known/openid-configuration" />
    <audiences><audience>orders</audience></audiences>
  </validate-jwt>
  <include-fragment fragment-id="user" />
  <choose>
    <when condition="@(context.Request.Method == "GET" || context.Request.Method == "HEAD")">
      <set-variable name="mode" value="@(context.Request.Headers.ContainsKey("x-slow") ? "slow" : "fast")" />
    </when>
    <otherwise>
      <set-variable name="mode" value="write" />
    </otherwise>
  </choose>
  <set-header name="x-key"><value>{{Key}}</value></set-header>
""")
USER = """<fragment>
  <set-header name="x-user"><value>@(((Jwt)context.Variables["token"]).Subject)</value></set-header>
</fragment>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.xml").write_text(GUARDED)
    (tmp_path / "fragments").mkdir()
    (tmp_path / "fragments" / "user.xml").write_text(USER)
    return tmp_path


async def test_a_folder_of_documents_is_a_gateway(folder: Path) -> None:
    gateway = PolicyGateway.of(folder, named_values={"key": "k"})
    backend = gateway.mock("https://backend.example/*", json={"id": 7})
    assert (await gateway.send(path="/orders/7")).status == 401
    assert not backend.calls
    outcome = await gateway.send(path="/orders/7?a=1", claims={"aud": "orders", "sub": "ada"})
    assert (outcome.status, outcome.json(), outcome.variables["mode"]) == (200, {"id": 7}, "fast")
    (call,) = outcome.calls[-1:]
    assert (call.url, call.headers["x-user"], call.headers["x-key"]) == ("https://backend.example/7?a=1", "ada", "k")
    assert outcome.steps[:2] == ["inbound api validate-jwt token", "inbound api include-fragment user"]


async def test_a_token_ends_when_the_clock_says_so(folder: Path) -> None:
    gateway = PolicyGateway.of(folder)
    gateway.mock("https://backend.example/*")
    token = gateway.token(aud="orders", expires_in=60)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await gateway.send(path="/orders", headers=headers)).status == 200
    gateway.clock.advance(120)
    assert (await gateway.send(path="/orders", headers=headers)).status == 401
    assert (await gateway.send(path="/orders", claims={"aud": "others"})).status == 401


async def test_mocks_answer_in_turn_and_fail_as_they_are_told(folder: Path) -> None:
    (folder / "plain.xml").write_text(document(""))
    gateway = PolicyGateway.of(folder)
    gateway.mock("https://backend.example/*", status=200)
    gateway.mock("https://backend.example/*", status=503, times=1)
    assert [(await gateway.send(path="/plain")).status for _ in range(2)] == [503, 200]
    gateway.mock("https://backend.example/*", error="timeout")
    assert (await gateway.send(path="/plain")).status == 504
    gateway.mock(
        "https://backend.example/*", method="POST", answer=lambda call: httpx.Response(201, text=call.text[::-1])
    )
    assert (await gateway.send("POST", "/plain", text="abc")).text == "cba"
    assert (await PolicyGateway.of(folder).send(path="/plain")).status == 502


async def test_a_manifest_says_what_documents_are_for(folder: Path) -> None:
    (folder / "openapi.yaml").write_text(
        "openapi: 3.0.0\npaths:\n  /items/{id}:\n    get: {operationId: getItem}\n    post: {}\n"
    )
    (folder / "get.xml").write_text(
        document(
            '<return-response><set-body>@(context.Operation.Id + context.Request.MatchedParameters["id"] + context.Backend?.Id + context.Product?.Id)</set-body></return-response>'
        )
    )
    (folder / "gateway.yaml").write_text("""
named_values: {Key: {value: k, secret: true}}
backends: [{id: spare, url: https://spare.example, breaker: {count: 1, statuses: [429, 500-599]}}]
products: [{id: gold, apis: [items]}]
subscriptions: [{id: s, key: secret-key, product: gold}]
apis:
  - id: items
    path: v1
    openapi: openapi.yaml
    subscription_required: true
    operations: [{id: getItem, policy: get.xml}]
""")
    gateway = PolicyGateway.of(folder)
    assert (await gateway.send(path="/v1/items/3")).status == 401
    assert (await gateway.send(path="/v1/items/3", key="secret-key")).text == "getItem3gold"
    assert [one.id for one in gateway.declaration.apis[0].operations] == ["getItem", "post-items-id"]
    assert gateway.declaration.backends[0].breaker.statuses == [(429, 429), (500, 599)]  # type: ignore[union-attr]


async def test_an_apiops_extract(tmp_path: Path) -> None:
    def put(path: str, content: Any) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps({"properties": content}))

    put("apis/shop/apiInformation.json", {"displayName": "Shop", "path": "shop", "serviceUrl": "https://shop.example"})
    put("apis/shop/specification.yaml", "openapi: 3.0.0\npaths: {/carts: {get: {operationId: list}}}")
    put("apis/shop/policy.xml", document('<include-fragment fragment-id="mark" />'))
    put("apis/shop/operations/list/policy.xml", document('<set-backend-service backend-id="b" />'))
    put(
        "policy fragments/mark/policy.xml",
        '<fragment><set-header name="x-region"><value>{{region}}</value></set-header></fragment>',
    )
    put("named values/region/namedValueInformation.json", {"displayName": "Region", "value": "west"})
    put(
        "backends/b/backendInformation.json",
        {
            "url": "https://b.example/base",
            "circuitBreaker": {
                "rules": [
                    {
                        "failureCondition": {
                            "count": 1,
                            "interval": "PT1M",
                            "statusCodeRanges": [{"min": 500, "max": 599}],
                        },
                        "tripDuration": "PT1M",
                    }
                ]
            },
        },
    )
    put("products/gold/productInformation.json", {"displayName": "Gold"})
    put("products/gold/apis/shop/productApiInformation.json", {})
    put(
        "policy.xml",
        '<policies><inbound><set-header name="x-all"><value>yes</value></set-header></inbound><backend><forward-request /></backend><outbound /><on-error /></policies>',
    )
    gateway = PolicyGateway.of(tmp_path)
    gateway.mock("https://b.example/*", status=500)
    outcome = await gateway.send(path="/shop/carts")
    (call,) = outcome.calls
    assert (call.url, call.headers["x-region"], call.headers["x-all"]) == (
        "https://b.example/base/carts",
        "west",
        "yes",
    )
    assert (await gateway.send(path="/shop/carts")).status == 503
    assert gateway.declaration.products[0].apis == ["shop"]


async def test_an_arm_template_as_bicep_makes_it(tmp_path: Path) -> None:
    service = "Microsoft.ApiManagement/service"
    inner = {
        "parameters": {"name": {"type": "string"}},
        "variables": {"$fxv#0": document("<set-method>PATCH</set-method>")},
        "resources": [
            {
                "type": f"{service}/apis",
                "name": "[format('{0}/{1}', parameters('name'), 'shop')]",
                "properties": {"path": "shop", "serviceUrl": "https://shop.example", "subscriptionRequired": False},
            },
            {
                "type": f"{service}/apis/operations",
                "name": "[concat(parameters('name'), '/shop/list')]",
                "properties": {"method": "GET", "urlTemplate": "/list"},
            },
            {
                "type": f"{service}/apis/policies",
                "name": "[format('{0}/{1}/{2}', parameters('name'), 'shop', 'policy')]",
                "properties": {"format": "rawxml", "value": "[variables('$fxv#0')]"},
            },
        ],
    }
    whole = {
        "resources": [
            {
                "type": "Microsoft.Resources/deployments",
                "name": "d",
                "properties": {"parameters": {"name": {"value": "gw"}}, "template": inner},
            }
        ]
    }
    (tmp_path / "main.json").write_text(json.dumps(whole))
    gateway = PolicyGateway.of(tmp_path / "main.json")
    gateway.mock("https://shop.example/*")
    (call,) = (await gateway.send(path="/shop/list")).calls
    assert (call.method, call.url) == ("PATCH", "https://shop.example/list")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_what_is_no_source_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExplainedError, match=name):
        load(tmp_path / name)


async def test_coverage_of_policies_and_of_ways_inside_expressions(folder: Path, tmp_path: Path) -> None:
    coverage = Coverage()
    gateway = PolicyGateway.of(folder, coverage)
    gateway.mock("https://backend.example/*")
    await gateway.send(path="/orders", claims={"aud": "orders"})
    lines, decisions = coverage.documents["apis/orders/api.xml"]
    assert lines[GUARDED.splitlines().index('      <set-variable name="mode" value="write" />') + 1] == 0
    (when,) = [each for line, each in decisions.items() if "<when" in GUARDED.splitlines()[line - 1]]
    # Both comparisons, and both together; GET makes the second one of no interest.
    assert sorted((one.held, one.failed) for one in when) == [(0, 0), (1, 0), (1, 0)]
    await gateway.send("POST", path="/orders", claims={"aud": "orders"})
    await gateway.send("HEAD", path="/orders", claims={"aud": "orders"}, headers={"x-slow": "1"})
    assert all(one.taken == 2 for each in decisions.values() for one in each)
    assert not [place for place, count in coverage.policies.items() if not count]
    file = (folder / "orders.xml").as_posix()
    assert f"{file} 6/6" in " ".join(coverage.table().split())
    coverage.write(tmp_path / "c.xml")
    root = ET.parse(tmp_path / "c.xml").getroot()
    assert (root.get("line-rate"), root.get("branch-rate")) == ("1.0000", "1.0000")
    # What tools of CI find their way by: a file, its lines and the ways of each.
    [found] = [one for one in root.iter("class") if one.get("filename") == file]
    branch = next(one for one in found.iter("line") if one.get("branch") == "true")
    assert branch.get("condition-coverage", "").startswith("100% (")
    assert root.findtext("sources/source") == "."
    coverage.write(tmp_path / "c.info")
    text = (tmp_path / "c.info").read_text()
    assert text.count("end_of_record") == 2
    assert "service.xml" not in text, "nobody wrote that"
    assert f"SF:{file}\n" in text
    assert "BRDA:" in text
    assert {line.partition(":")[0] for line in text.splitlines()} == {
        "SF", "DA", "BRDA", "BRF", "BRH", "LF", "LH", "end_of_record",
    }  # fmt: skip


def test_cases_have_one_coverage_whatever_gateway_each_has(folder: Path) -> None:
    (folder / "orders.policies.yaml").write_text(
        """
source: .
named_values: {Key: k}
mocks: [{url: "https://backend.example/*", json: {}}]
cases:
  - {name: reads, request: {path: /orders, claims: {aud: orders}}}
  - {name: writes, request: {method: POST, path: /orders, claims: {aud: orders}}}
"""
    )
    coverage = Coverage()
    cases = Cases(folder / "orders.policies.yaml", coverage)
    for case in cases:
        assert cases.run(case).problems == []
    places = [(one.document, one.line, one.column) for one in coverage.decisions]
    assert len(places) == len(set(places))
    _, decisions = coverage.documents["apis/orders/api.xml"]
    (when,) = [each for line, each in decisions.items() if "<when" in GUARDED.splitlines()[line - 1]]
    assert sorted((one.held, one.failed) for one in when) == [(0, 1), (1, 1), (1, 1)]


CASES = """
source: .
named_values: {Key: k}
mocks: [{url: "https://backend.example/*", json: {ok: true, at: 5}}]
cases:
  - name: nobody gets in
    request: {path: /orders}
    expect: {status: 401}
  - name: somebody does
    requests:
      - {path: /orders, claims: {aud: orders}, expect: {status: 200}}
      - {path: /orders, claims: {aud: orders, sub: ada}, after: 5}
    expect:
      json: {ok: true}
      headers: {Content-Type: ~json}
      variables: {mode: fast}
      calls: [{url: ~issuer}, {url: ~keys}, {method: GET, headers: {x-user: ada}}]
  - name: something is wrong
    request: {method: POST, path: /orders, claims: {aud: orders}}
    expect: {status: 204, json: {ok: false}, variables: {mode: read}, calls: []}
"""


def test_cases_say_what_is_wrong(folder: Path) -> None:
    (folder / "orders.policies.yaml").write_text(CASES.replace("{url: ~issuer}, {url: ~keys}, ", ""))
    cases = Cases(folder / "orders.policies.yaml")
    results = {case.name: cases.run(case).problems for case in cases}
    assert results["nobody gets in"] == []
    assert results["somebody does"] == []
    wrong = "\n".join(results["something is wrong"])
    for part in (
        "status is 200, expected 204",
        '-  "ok": false',
        "variable mode is 'write', expected 'read'",
        "calls were made, expected 0",
    ):
        assert part in wrong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [{nme: x}]", "there is no 'nme'"),
        ("cases: [{expect: {stats: 1}}]", "there is no 'stats'"),
        ("- x", "has no cases"),
        ("a: [", "cannot be read"),
    ],
)
def test_files_of_cases_are_read_strictly(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.policies.yaml").write_text(text)
    with pytest.raises(ExplainedError, match=message):
        list(Cases(tmp_path / "x.policies.yaml"))


def test_the_pytest_plugin_and_the_command_run_cases(folder: Path) -> None:
    (folder / "orders.policies.yaml").write_text(CASES.replace("{url: ~issuer}, {url: ~keys}, ", ""))
    (folder / "test_own.py").write_text(
        "async def run(gateway):\n    gateway.mock('https://backend.example/*')\n"
        "    return await gateway.send('PUT', '/orders', claims={'aud': 'orders'})\n\n"
        "def test_own(policy_gateway):\n    import asyncio\n    assert asyncio.run(run(policy_gateway('.'))).variables['mode'] == 'write'\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\n")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--policies-coverage=c.xml", "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 failed, 3 passed" in told.stdout, told.stdout + told.stderr
    assert "\norders.xml " in told.stdout
    assert (folder / "c.xml").is_file()
    ran = subprocess.run(
        [sys.executable, "-c", "from apim_policies.command import main; main()", "test", ".", "--coverage", "c.info"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "2 of 3 cases passed" in ran.stdout
    assert (folder / "c.info").is_file()


async def test_the_command_serves_a_folder_with_the_console(folder: Path, free: Callable[[], int]) -> None:
    port, started = free(), asyncio.Event()
    running = asyncio.create_task(serve(folder, port, {"Key": "k"}, {}, started))
    await asyncio.wait_for(started.wait(), 20)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://localhost:{port}/orders")).status_code == 401
        page = await client.get(f"http://localhost:{port + 1}/")
    running.cancel()
    assert "<title>" in page.text


@pytest.fixture
def free() -> Callable[[], int]:
    def find() -> int:
        import socket

        while True:
            with socket.socket() as one, socket.socket() as two:
                one.bind(("127.0.0.1", 0))
                port = one.getsockname()[1]
                try:
                    two.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
                return port

    return find


async def test_the_stand_in_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "chat.xml").write_text(
        "<policies><inbound><base /><llm-token-limit counter-key='k' tokens-per-minute='40' estimate-prompt-tokens='false' "
        "tokens-consumed-header-name='x-took' /><llm-content-safety backend-id='safety'><categories><category name='Hate' threshold='4' />"
        "</categories></llm-content-safety></inbound><backend><forward-request buffer-response='false' /></backend><outbound><base /></outbound>"
        "<on-error><base /></on-error></policies>"
    )
    (tmp_path / "gateway.yaml").write_text(
        "apis: [{id: chat, path: chat, service_url: 'https://models.example', policy: chat.xml}]\n"
        "backends: [{id: safety, url: 'https://models.example'}]\n"
    )
    gateway = PolicyGateway.of(tmp_path)
    model = ModelEndpoint("Hello there, Ada.")
    gateway.network.serve("models.example", model.app)
    question = {"messages": [{"role": "user", "content": "hello " * 12}]}
    answer = (await gateway.send("POST", "/chat/completions", json=question)).json()
    assert answer["usage"] == {"prompt_tokens": 18, "completion_tokens": 5, "total_tokens": 23}
    streamed = await gateway.send(
        "POST", "/chat/completions", json={**question, "stream": True, "stream_options": {"include_usage": True}}
    )
    assert streamed.text.startswith("data: ")
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert (await gateway.send("POST", "/chat/completions", json=question)).status == 429
    gateway.clock.advance(61)
    assert (await gateway.send("POST", "/chat/completions", json={"prompt": "hate"})).status == 403
