import type { Config } from '../../js/src/index.js';

const { issuer, tokenLifetime, phone } = document.documentElement.dataset as { issuer: string; tokenLifetime: string; phone?: string };

/** The page is served without its authorization server: from another server than `make demo`. */
export const alone = !issuer;

/** The lifetime of the demo's access tokens, in milliseconds: the whole width of the bar. */
export const lifetime = Number(tokenLifetime);

/** How long before its expiry the module refreshes a token by itself, in milliseconds. */
export const lead = 15_000;

/** The server's origin for a phone in the same network; empty: only on this machine. */
export const phoneOrigin = phone ?? '';

/** Where the server sends a popup back to. */
export const popupPage = location.origin + '/popup';

/** This page: the server sends people back here, signed in and signed out. */
export const home = location.origin + '/';

/** The protected API, on the issuer's origin. */
export const notes = issuer + '/api/notes';

/** The note that it gives only after a recent sign-in. */
export const secret = issuer + '/api/secret';

/** How many refreshes the server has answered. */
export const refreshCount = issuer + '/demo/refreshes';

/** An address that is in no configuration: the module must refuse it. */
export const elsewhere = 'https://elsewhere.example/collect';

export const config = (autoRefresh: boolean): Config => ({
  name: 'demo',
  client_id: 'demo',
  issuer,
  discovery: true,
  redirect_uri: home,
  scope: 'openid profile email notes.read',
  pushed_authorization_requests: 'required',
  dpop: true,
  token_destinations: [issuer + '/api/'],
  ...(autoRefresh && { auto_refresh: true, refresh_lead_ms: lead }),
});
