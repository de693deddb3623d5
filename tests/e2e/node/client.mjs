// A client as its author writes it with the TypeScript SDK: signs in, calls, and says what came back.
// node client.mjs FOLDER_OF_PACKAGES PACKAGE URL CALLBACK_PORT MODE TOOL ARGUMENTS [IDENTITY]
// IDENTITY: {"metadata" of its registration, "information" of an earlier one, "document" that it publishes, "key" that it signs with, "refreshes"}
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [folder, name, url, port, mode, tool, given, identity = "{}"] = process.argv.slice(2);
const { metadata, information, document, key, refreshes = 0 } = JSON.parse(identity);
const packages = createRequire(`${folder}/package.json`);
const sdk =
  name === "@modelcontextprotocol/client"
    ? packages(name)
    : {
        ...packages(`${name}/client/index.js`),
        ...packages(`${name}/client/streamableHttp.js`),
        ...packages(`${name}/client/auth.js`),
        ...packages(`${name}/client/auth-extensions.js`),
      };

const callback = `http://localhost:${port}/callback`;
const kept = { client: information, sessions: new Set() };
const provider = {
  redirectUrl: callback,
  clientMetadata: { client_name: "TypeScript client", redirect_uris: [callback], ...metadata },
  clientMetadataUrl: document,
  state: () => "of-this-sign-in",
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => {
    kept.tokens = tokens;
    kept.sessions.add(tokens.access_token);
  },
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: (address) => console.log(`visit: ${address}\n`),
};
if (key) {
  provider.addClientAuthentication = (...request) => {
    const { client_id: id } = kept.client;
    return sdk.createPrivateKeyJwtAuth({ issuer: id, subject: id, privateKey: key, alg: "RS256" })(...request);
  };
}

const answered = new Promise((resolve) => {
  const server = createServer((request, response) => {
    response.end("signed in");
    server.close();
    resolve(new URL(request.url, callback).searchParams);
  }).listen(Number(port));
});

function made() {
  const able = { elicitation: { form: {} } };
  const client = new sdk.Client(
    { name: "test", version: "1" },
    { capabilities: able, ...(mode === "legacy" ? {} : { versionNegotiation: { mode } }) },
  );
  if (client.setRequestHandler && name === "@modelcontextprotocol/client") {
    client.setRequestHandler("elicitation/create", (request) => {
      const fields = Object.keys(request.params.requestedSchema.properties);
      return { action: "accept", content: Object.fromEntries(fields.map((field) => [field, `my ${field}`])) };
    });
  }
  return [client, new sdk.StreamableHTTPClientTransport(new URL(url), { authProvider: provider })];
}

let [client, transport] = made();
try {
  await client.connect(transport);
} catch (error) {
  if (!(error instanceof sdk.UnauthorizedError)) throw error;
  const answer = await answered;
  await transport.finishAuth(name === "@modelcontextprotocol/client" ? answer : answer.get("code"));
  [client, transport] = made();
  await client.connect(transport);
}
const tools = (await client.listTools()).tools.map((each) => each.name);
for (let round = 0; round < refreshes; round++) {
  // As a session key that has expired: the answer is 401, and the SDK refreshes.
  kept.tokens = { ...kept.tokens, access_token: "expired" };
  await client.listTools();
}
const result = await client.callTool({ name: tool, arguments: JSON.parse(given) });
const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
console.log(`result: ${JSON.stringify({ version, tools, result, client: kept.client, sessions: kept.sessions.size })}`);
await client.close();
process.exit(0);
