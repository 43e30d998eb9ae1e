import type { Config } from '../../js/src/index.js';

const { issuer, tokenLifetime } = document.documentElement.dataset as { issuer: string; tokenLifetime: string };

/** How long the demo's server makes access tokens good for, in milliseconds: the whole width of the bar. */
export const lifetime = Number(tokenLifetime);

/** How long before its end a token is renewed where the module does that by itself, in milliseconds. */
export const lead = 15_000;

/** Where the server sends a popup back to. */
export const popupPage = location.origin + '/popup';

/** The protected API, on the issuer's origin. */
export const notes = issuer + '/api/notes';

/** Where the page asks, before it sends anybody there, whether the server is up (RFC 8414 section 3). */
export const metadata = issuer + '/.well-known/oauth-authorization-server';

/** An address that is in no configuration: the module must refuse it. */
export const elsewhere = 'https://elsewhere.example/collect';

export const config = (autoRefresh: boolean): Config => ({
  name: 'demo',
  client_id: 'demo',
  issuer,
  authorization_endpoint: issuer + '/authorize',
  token_endpoint: issuer + '/token',
  device_authorization_endpoint: issuer + '/device_authorization',
  revocation_endpoint: issuer + '/revoke',
  userinfo_endpoint: issuer + '/userinfo',
  authorization_response_iss_parameter_supported: true,
  redirect_uri: location.origin + '/',
  scope: 'profile email notes.read',
  resources: [issuer + '/api/'],
  ...(autoRefresh && { auto_refresh: true, refresh_lead_ms: lead }),
});
