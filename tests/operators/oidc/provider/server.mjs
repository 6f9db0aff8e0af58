// A real OpenID provider for the tests: npm oidc-provider with its own login and consent pages, and a few levers under /test.
//
//   POST /test/account {sub, …claims}   who may sign in: the login form takes any `sub`, the claims are these
//   POST /test/rotate                   new signing keys, the old ones forgotten
//   POST /test/tamper {…}               what the token endpoint does to the next ID tokens: {alg: "none"} or {claims: {…}}; {} nothing
//
// Prints {"port"} when it listens; ends when its input closes, so that it never outlives the tests.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';
import * as jose from 'jose';

const accounts = new Map();
const state = { provider: null, jwks: null, tamper: {} };
const redirectUris = JSON.parse(process.env.REDIRECT_URIS);

function freshKeys() {
  const key = (type, options, alg) => {
    const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
    return { ...jwk, kid: randomUUID(), alg, use: 'sig' };
  };
  return { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] };
}

function build(issuer) {
  state.jwks = freshKeys();
  const provider = new Provider(issuer, {
    clients: [
      { client_id: 'tallyroom', client_secret: 'a secret: with/odd+chars', redirect_uris: redirectUris },
      { client_id: 'without-a-secret', token_endpoint_auth_method: 'none', redirect_uris: redirectUris },
    ],
    jwks: state.jwks,
    cookies: { keys: ['tests-only'] },
    claims: { openid: ['sub'], profile: ['name', 'groups', 'roles'], email: ['email', 'email_verified'] },
    pkce: { required: () => true },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...accounts.get(sub), sub }) }),
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/token' && ctx.body?.id_token) ctx.body.id_token = await tampered(ctx.body.id_token);
  });
  return provider;
}

async function tampered(token) {
  const { alg, claims } = state.tamper;
  if (!alg && !claims) return token;
  const payload = { ...jose.decodeJwt(token), ...claims };
  const header = jose.decodeProtectedHeader(token);
  if (alg === 'none') return new jose.UnsecuredJWT(payload).encode();
  const signing = state.jwks.keys.find((key) => key.kid === header.kid);
  return new jose.SignJWT(payload).setProtectedHeader(header).sign(await jose.importJWK(signing, header.alg));
}

async function lever(request, reply) {
  let text = '';
  for await (const chunk of request) text += chunk;
  const body = JSON.parse(text || '{}');
  if (request.url === '/test/account') accounts.set(body.sub, body);
  else if (request.url === '/test/rotate') state.provider = build(state.issuer);
  else if (request.url === '/test/tamper') state.tamper = body;
  reply.writeHead(204).end();
}

const server = createServer((request, reply) => (request.url.startsWith('/test/') ? lever(request, reply) : state.provider.callback()(request, reply)));
server.listen(0, '127.0.0.1', () => {
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  state.provider = build(state.issuer);
  console.log(JSON.stringify({ port: server.address().port }));
});
process.stdin.on('end', () => process.exit(0)).resume();
