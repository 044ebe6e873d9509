// oidc-provider (OpenID Certified) on a free port of 127.0.0.1, for tests.
//
// The first line of its output is the address. Everything about signing in is the server's own, with its own pages for a
// user; what is here is which clients there are, how long things live, the token exchange by the recipe of its
// documentation, and `/tests/counts`, which tells how often each grant was answered. It ends with its standard input.

import http from 'node:http';
import Provider, { errors } from 'oidc-provider';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';

const client = (client_id, more) => ({
  client_id,
  application_type: 'native',
  // Any port of it is good for a native application (RFC 8252, section 7.3).
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE, TOKEN_EXCHANGE],
  ...more,
});

const configuration = {
  clients: [
    client('public', { token_endpoint_auth_method: 'none' }),
    // Its device codes end before anybody can type them in.
    client('hasty', { token_endpoint_auth_method: 'none' }),
    client('basic', { token_endpoint_auth_method: 'client_secret_basic', client_secret: 'b:a/s+i&c%20' }),
    client('post', { token_endpoint_auth_method: 'client_secret_post', client_secret: 'p:o/s+t&1%20' }),
  ],
  // A refresh token dies with its use, and a second use ends the grant.
  rotateRefreshToken: true,
  pkce: { required: () => true },
  cookies: { keys: ['for tests alone'] },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    DeviceCode: (ctx, token, client) => (client.clientId === 'hasty' ? 1 : 600),
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
};

const counts = {};
const count = (name) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** Trades an access token or an id token of the client for an access token that ends in ten minutes (RFC 8693). */
async function tokenExchange(ctx) {
  const { params, client, provider } = ctx.oidc;
  let accountId;
  if (params.subject_token_type === ACCESS_TOKEN) {
    const subject = await provider.AccessToken.find(params.subject_token);
    if (!subject || subject.isExpired || subject.clientId !== client.clientId) {
      throw new errors.InvalidRequest('the subject_token is not good');
    }
    ({ accountId } = subject);
  } else if (params.subject_token_type === ID_TOKEN) {
    const { payload } = await provider.IdToken.validate(params.subject_token, client);
    accountId = payload.sub;
  } else {
    throw new errors.InvalidRequest('the subject_token_type is not known');
  }
  if (params.requested_token_type && params.requested_token_type !== ACCESS_TOKEN) {
    throw new errors.InvalidRequest('the requested_token_type is not known');
  }
  if ([params.audience ?? []].flat().some((audience) => audience !== 'gateway')) {
    throw new errors.InvalidTarget('the audience is not known');
  }
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope('openid');
  const token = new provider.AccessToken({
    accountId,
    client,
    grantId: await grant.save(),
    gty: 'token_exchange',
    scope: 'openid',
  });
  token.expiresIn = 600;
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: ACCESS_TOKEN,
    token_type: token.tokenType,
    expires_in: token.expiration,
    scope: token.scope,
  };
}

// The port is part of the issuer's name, so the server listens before there is one.
let answer = (request, response) => response.writeHead(503).end();
const server = http.createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    tokenExchange,
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
    ['audience', 'resource'],
  );
  const grant = (ctx) => (ctx.oidc?.params?.grant_type ?? 'none').split(':').at(-1);
  provider.on('grant.success', (ctx) => count(`${grant(ctx)} ok`));
  provider.on('grant.error', (ctx, error) => count(`${grant(ctx)} ${error.error}`));
  provider.on('grant.revoked', () => count('grants revoked'));
  const callback = provider.callback();
  answer = (request, response) => {
    if (request.url === '/tests/counts') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(counts));
    } else {
      callback(request, response);
    }
  };
  console.log(issuer);
});

process.stdin.on('end', () => process.exit()).resume();
