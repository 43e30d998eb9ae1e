// The MCP clients for TypeScript, of both generations, as clients of the project's authorization
// server, over HTTP, with their own providers and an MCP server of the SDK.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as jose from 'jose';
import * as second from '@modelcontextprotocol/client';
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError as FirstUnauthorized } from '@modelcontextprotocol/sdk/client/auth.js';
import { createPrivateKeyJwtAuth as firstKeyAuth } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { mcpResource } from './lib/mcp-resource.mjs';
import { authserver } from './lib/process.mjs';
import { alice } from './lib/user.mjs';

const CB = 'http://127.0.0.1:9/cb'; // nobody listens there: the test reads the answer from the redirect
const DOCUMENT = 'https://client.example/client.json';
const KEYED = 'https://client.example/keyed.json';

/** The second generation also asks for a refresh token (SEP-2207). */
const generations = {
  'client 2': {
    Client: second.Client,
    Transport: second.StreamableHTTPClientTransport,
    Unauthorized: second.UnauthorizedError,
    keyAuth: second.createPrivateKeyJwtAuth,
    besides: ['offline_access'],
  },
  'sdk 1': { Client: FirstClient, Transport: FirstTransport, Unauthorized: FirstUnauthorized, keyAuth: firstKeyAuth, besides: [] },
};

const metadata = {
  client_name: 'Agent',
  redirect_uris: [CB],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

let resource, byDocument, byRegistration, byProvider, key;
before(async () => {
  const { publicKey, privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
  key = await jose.exportJWK(privateKey);
  const jwks = { keys: [{ ...(await jose.exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] };
  resource = await mcpResource({
    '/client.json': { ...metadata, client_id: DOCUMENT },
    '/keyed.json': { ...metadata, client_id: KEYED, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://client.example/keys.json' },
    '/keys.json': jwks,
  });
  const flags = ['-scope=write', `-resource=${resource.url}`];
  byDocument = await authserver(...flags, '-open-registration', `-documents=${resource.origin}`, CB);
  byRegistration = await authserver(...flags, '-open-registration', CB);
  byProvider = await authserver(...flags, '-identity-provider', CB);
});
after(async () => {
  for (const s of [byDocument, byRegistration, byProvider, resource]) await s?.stop();
});

/** A provider in memory, with its user in a browser. */
const provider = (more) => {
  const kept = { asked: [] };
  return {
    kept,
    redirectUrl: CB,
    clientMetadata: metadata,
    clientMetadataUrl: DOCUMENT,
    state: () => 'state',
    clientInformation: () => kept.client,
    saveClientInformation: (client) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    redirectToAuthorization: (url) => void kept.asked.push(url),
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    ...more,
  };
};

/** The user goes where the client sends her, and the client gets the answer. */
const signIn = async (transport, { kept }, visit) => {
  const { url } = await visit(kept.asked.at(-1));
  const answer = url.searchParams;
  assert.equal(answer.get('error'), null, url.href);
  await (transport.finishAuth.length > 1 ? transport.finishAuth(answer.get('code'), answer.get('iss')) : transport.finishAuth(answer.get('code')));
};

const scopesOf = (url) => url.searchParams.get('scope').split(' ').sort();

const call = async (client, name) => {
  const { content } = await client.callTool({ name, arguments: { text: 'x' } });
  assert.deepEqual(content, [{ type: 'text', text: `${name} x` }]);
};

for (const [generation, { Client, Transport, Unauthorized, keyAuth, besides }] of Object.entries(generations)) {
  describe(`MCP ${generation}`, () => {
    const identities = {
      'by its metadata document': { at: () => byDocument, clientId: DOCUMENT },
      'by its metadata document, with a key': {
        at: () => byDocument,
        clientId: KEYED,
        more: async () => ({ clientMetadataUrl: KEYED, addClientAuthentication: keyAuth({ issuer: KEYED, subject: KEYED, privateKey: key, alg: 'ES256' }) }),
      },
      // The SDK registers for the scope of its first sign-in.
      'by dynamic registration': { at: () => byRegistration },
    };
    for (const [name, { at, clientId, more }] of Object.entries(identities)) {
      test(`M142 ${generation} ${name}: sign-in, refresh and step-up`, async () => {
        const { issuer } = at();
        resource.use(issuer);
        const own = provider(await more?.());
        const visit = alice();
        const connect = async () => {
          const client = new Client({ name: 'agent', version: '1' });
          const transport = new Transport(new URL(resource.url), { authProvider: own });
          await client.connect(transport).catch(async (error) => {
            await client.close();
            throw Object.assign(error, { transport });
          });
          return { client, transport };
        };
        const refused = await connect().then(
          () => assert.fail('connected without a token'),
          (error) => error,
        );
        assert.ok(refused instanceof Unauthorized, refused.stack);
        const [asked] = own.kept.asked;
        assert.equal(asked.searchParams.get('resource'), resource.url);
        assert.deepEqual(scopesOf(asked), [...besides, 'read']);
        assert.equal(asked.searchParams.get('client_id') === clientId, Boolean(clientId), asked.href);
        await signIn(refused.transport, own, visit);
        const { client, transport } = await connect();
        await call(client, 'read');

        // With an expired token the client refreshes, and the user is not asked.
        const before = own.kept.tokens;
        assert.ok(before.refresh_token);
        own.kept.tokens = { ...before, access_token: 'over' };
        await call(client, 'read');
        assert.notEqual(own.kept.tokens.refresh_token, before.refresh_token);
        assert.equal(own.kept.asked.length, 1);

        // A tool that needs more: the client asks for both scopes, and the user is asked once more.
        // The first generation refreshes instead if it can, which gives no more scope.
        if (generation === 'sdk 1') delete own.kept.tokens.refresh_token;
        const error = await call(client, 'write').then(
          () => assert.fail('without the scope'),
          (e) => e,
        );
        assert.ok(error instanceof Unauthorized, error.stack);
        assert.equal(own.kept.asked.length, 2);
        assert.deepEqual(scopesOf(own.kept.asked[1]), [...besides, 'read', 'write']);
        await signIn(transport, own, visit);
        await call(client, 'write');
        await call(client, 'read');
        assert.equal(own.kept.asked.length, 2);
        await client.close();
      });
    }
  });
}

test('M142 client 2 by cross-app access (SEP-990): the user signs in at the identity provider, and is asked nothing at the other server', async () => {
  const { issuer } = byProvider;
  const idp = `${issuer}/idp`;
  resource.use(issuer);
  const own = { clientId: 'agent', clientSecret: "agent's secret" };
  const verifier = jose.base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = jose.base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
  const { url } = await alice()(
    `${idp}/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: own.clientId,
      redirect_uri: CB,
      scope: 'openid',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })}`,
  );
  const answer = await fetch(`${idp}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: url.searchParams.get('code'),
      redirect_uri: CB,
      code_verifier: verifier,
      client_id: own.clientId,
      client_secret: own.clientSecret,
    }),
  });
  const { id_token: idToken } = await answer.json();
  const authProvider = new second.CrossAppAccessProvider({
    ...own,
    assertion: async ({ authorizationServerUrl, resourceUrl, scope, fetchFn }) =>
      (await second.discoverAndRequestJwtAuthGrant({ ...own, idpUrl: idp, audience: authorizationServerUrl, resource: resourceUrl, idToken, scope, fetchFn }))
        .jwtAuthGrant,
  });
  const client = new second.Client({ name: 'agent', version: '1' });
  await client.connect(new second.StreamableHTTPClientTransport(new URL(resource.url), { authProvider }));
  await call(client, 'read');
  await client.close();
});
