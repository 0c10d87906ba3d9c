// A certified OpenID Connect provider for tests: `node server.mjs PORT`, with the redirect addresses in REDIRECTS.
// PUT /control/accounts/LOGIN says what it tells about somebody; POST /control/rotate gives it new keys.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const redirect_uris = JSON.parse(process.env.REDIRECTS);
const accounts = new Map();
let generation = 0;

function newKeys() {
  generation += 1;
  const made = {
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    PS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    Ed25519: generateKeyPairSync("ed25519"),
  };
  return {
    keys: Object.entries(made).map(([alg, { privateKey }]) => ({
      ...privateKey.export({ format: "jwk" }),
      alg,
      use: "sig",
      kid: `${alg}-${generation}`,
    })),
  };
}

function client(client_id, more) {
  return {
    client_id,
    client_secret: `secret of ${client_id} / + %`,
    redirect_uris,
    grant_types: ["authorization_code"],
    response_types: ["code"],
    ...more,
  };
}

function newProvider() {
  const provider = new Provider(issuer, {
    jwks: newKeys(),
    clients: [
      client("basic", { token_endpoint_auth_method: "client_secret_basic" }),
      client("post", { token_endpoint_auth_method: "client_secret_post", id_token_signed_response_alg: "PS256" }),
      client("elliptic", { id_token_signed_response_alg: "ES256" }),
      client("edwards", { id_token_signed_response_alg: "Ed25519" }),
      client("public", { client_secret: undefined, token_endpoint_auth_method: "none" }),
    ],
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "Ed25519"] },
    claims: {
      acr: null,
      amr: null,
      email: ["email", "email_verified"],
      profile: ["preferred_username", "name", "given_name", "family_name"],
    },
    cookies: { keys: ["a key of the tests"] },
    pkce: { required: () => true },
    findAccount: (_context, login) => ({
      accountId: login,
      claims: () => ({ sub: login, ...accounts.get(login) }),
    }),
  });
  provider.on("server_error", (_context, error) => console.error(error));
  return provider.callback();
}

let handle = newProvider();

async function control(request, response) {
  if (request.url === "/control/rotate") handle = newProvider();
  else {
    const parts = [];
    for await (const part of request) parts.push(part);
    accounts.set(decodeURIComponent(request.url.split("/").pop()), JSON.parse(Buffer.concat(parts)));
  }
  response.writeHead(204).end();
}

createServer((request, response) => {
  if (request.url.startsWith("/control/")) control(request, response);
  else handle(request, response);
}).listen(port, "127.0.0.1", () => console.log("listening"));
