import assert from 'node:assert/strict';
import { join } from 'node:path';
import { root } from './installed.mjs';
import { start } from './process.mjs';

/**
 * npm oidc-provider with the FAPI 2.0 Security Profile, and a resource for its tokens.
 *
 * @param {string} redirect_uri of its client `public`, which has no secret
 * @returns {Promise<object>} `issuer`; `resource`, a URL; `config`, the common configuration of its
 * clients; `register`, which registers a public key and metadata (RFC 7591) and returns that
 * client's part of the configuration; `stop`
 */
export const fapiProvider = async (redirect_uri) => {
  const server = await start('node', [join(root, 'js/test/lib/oidc-provider.mjs'), '--fapi', redirect_uri], /^ready: (\S+)/);
  const issuer = server.match[1];
  const resource = /^resource: (\S+)/m.exec(server.said.join('\n'))[1];
  const register = async ({ kty, crv, x, y, n, e }, metadata) => {
    const response = await fetch(`${issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: [redirect_uri],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ kty, crv, x, y, n, e, kid: 'k1' }] },
        id_token_signed_response_alg: 'ES256',
        dpop_bound_access_tokens: true,
        ...metadata,
      }),
    });
    const { client_id, error_description } = await response.json();
    assert.equal(response.status, 201, error_description);
    return { client_id, client_key_id: 'k1', token_endpoint_auth_method: 'private_key_jwt' };
  };
  const config = {
    issuer,
    redirect_uri,
    discovery: true,
    scope: 'openid profile',
    dpop: true,
    token_destinations: [resource],
    pushed_authorization_requests: 'required',
  };
  return { issuer, resource, config, register, stop: server.stop };
};

/**
 * Checks that the URL of an authorization request contains only a reference to the pushed request
 * (RFC 9126 section 4).
 */
export const checkPushed = (url, client_id) => {
  const { request_uri, ...rest } = Object.fromEntries(new URL(url).searchParams);
  assert.match(request_uri, /^urn:/);
  assert.deepEqual(rest, { client_id });
};

/** The claims of a JWT. */
export const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
