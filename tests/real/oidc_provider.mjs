// An OAuth provider that others wrote (npm oidc-provider), with the users' part done by itself, and a few records behind its tokens.
//   node oidc_provider.mjs FOLDER PORT JWT_PUBLIC_KEY.pem
// FOLDER holds node_modules; PORT 0: any free one. The first line printed is the issuer. Loopback only; everything is in memory, so a restart has
// forgotten every grant. What tests steer and ask lies under /_test/ (see `steer`).
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, wanted, keyFile] = process.argv.slice(2);
const require = createRequire(join(folder, 'x.js'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
console.warn = console.info = () => {}; // it warns of http and of keys for trials
const { Provider, errors } = await load('oidc-provider');
const { jwtVerify } = await load('jose');

const server = createServer();
await new Promise((done) => server.listen(Number(wanted), '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const state = { life: 3600, code: 60, refuse: false, delay: 0, requests: 0 };
const seen = { refreshes: [], counts: {} };
const count = (name) => { seen.counts[name] = (seen.counts[name] ?? 0) + 1; };

const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer', device = 'urn:ietf:params:oauth:grant-type:device_code';
const app = (client_id, token_endpoint_auth_method, more = {}) => ({
  client_id, token_endpoint_auth_method, application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', device], ...(token_endpoint_auth_method === 'none' ? {} : { client_secret: `${client_id} secret: +%&=` }), ...more,
});
const machine = { redirect_uris: [], response_types: [], application_type: 'web' };
const provider = new Provider(issuer, {
  clients: [
    app('in-body', 'client_secret_post'), app('in-basic', 'client_secret_basic'), app('public', 'none'),
    app('no-refresh', 'client_secret_post', { grant_types: ['authorization_code'] }),
    app('machine', 'client_secret_post', { ...machine, grant_types: ['client_credentials'] }),
    app('machine-basic', 'client_secret_basic', { ...machine, grant_types: ['client_credentials'] }),
    app('signer', 'client_secret_post', { ...machine, grant_types: [bearer] }),
    app('records', 'client_secret_basic', { ...machine, grant_types: [] , client_secret: 'records-secret' }),
  ],
  scopes: ['openid', 'offline_access', 'records'],
  cookies: { keys: ['only-for-tests'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: () => state.life, ClientCredentials: () => state.life, AuthorizationCode: () => state.code,
    RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600, IdToken: 600, DeviceCode: 600,
  },
  features: {
    devInteractions: { enabled: false }, deviceFlow: { enabled: true }, clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true },
  },
});

// JWT bearer (RFC 7523) is no grant of oidc-provider's; its signature is checked by jose, and the token is one of the provider's own.
const key = createPublicKey(readFileSync(keyFile));
provider.registerGrantType(bearer, async (ctx) => {
  const { client, params } = ctx.oidc;
  let subject;
  try {
    const { payload } = await jwtVerify(params.assertion ?? '', key, { issuer: 'signer', audience: `${issuer}/token`, maxTokenAge: '5m', requiredClaims: ['exp', 'jti', 'sub'] });
    subject = payload.sub;
  } catch (why) {
    throw new errors.InvalidGrant(String(why.message));
  }
  const token = new provider.ClientCredentials({ client, scope: `records sub-${subject}` });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: 'Bearer' };
}, ['assertion', 'scope', 'client_id']);

for (const name of ['grant.success', 'grant.error', 'grant.revoked', 'refresh_token.consumed', 'refresh_token.destroyed', 'access_token.destroyed', 'authorization.error', 'server_error'])
  provider.on(name, () => count(name));
provider.on('grant.success', (ctx) => {
  count(`grant ${ctx.oidc.params.grant_type}`);
  if (ctx.body.refresh_token) seen.refreshes.push(ctx.body.refresh_token);
});
provider.on('grant.error', (ctx, error) => { seen.last = `${error.message}: ${error.error_description ?? ''} ${error.error_detail ?? ''}`; });

// The user: logs in as Ana and agrees, or refuses.
async function interact(req, res) {
  const { prompt, params, grantId, session } = await provider.interactionDetails(req, res);
  if (state.refuse) return provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'Ana does not want to' });
  if (prompt.name === 'login') return provider.interactionFinished(req, res, { login: { accountId: 'ana' } }, { mergeWithLastSubmission: false });
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? 'openid');
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const answer = (res, status, body) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(body)); };
async function bodyOf(req) {
  let text = '';
  for await (const part of req) text += part;
  return text;
}

// The records ask the provider itself, over HTTP, whether a token is good.
async function active(token) {
  const reply = await fetch(`${issuer}/token/introspection`, {
    method: 'POST', body: new URLSearchParams({ token }), headers: { authorization: `Basic ${Buffer.from('records:records-secret').toString('base64')}` },
  });
  return (await reply.json()).active === true;
}
const records = Array.from({ length: 120 }, (_, i) => ({ id: String(i + 1), title: `Record ${i + 1}`, changed: new Date(1.7e12 + i * 60000).toISOString() }));
async function list(req, res, url) {
  state.requests += 1;
  if (state.delay) await new Promise((done) => setTimeout(done, state.delay));
  const token = (req.headers.authorization ?? '').replace(/^Bearer /, '');
  if (!token || !(await active(token))) {
    count('refused');
    return answer(res, 401, { error: 'invalid_token' });
  }
  const after = Number(url.searchParams.get('after') ?? 0);
  return answer(res, 200, { records: records.slice(after, after + 5), after: after + 5 < records.length ? after + 5 : null });
}

// POST /_test/set {"life":2,…}; POST /_test/active TOKEN; GET /_test/seen
async function steer(req, res, url) {
  if (url.pathname === '/_test/set') return answer(res, 200, Object.assign(state, JSON.parse(await bodyOf(req))));
  if (url.pathname === '/_test/active') return answer(res, 200, await active(await bodyOf(req)));
  return answer(res, 200, { ...seen, requests: state.requests });
}

const callback = provider.callback();
server.on('request', (req, res) => {
  const url = new URL(req.url, issuer);
  const mine = url.pathname.startsWith('/interaction/') ? interact : url.pathname === '/api/records' ? list : url.pathname.startsWith('/_test/') ? steer : callback;
  Promise.resolve(mine(req, res, url)).catch((why) => { if (!res.headersSent) answer(res, 500, { error: String(why) }); });
});
console.log(issuer);
