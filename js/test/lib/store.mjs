import { createHash } from 'node:crypto';

/** The key under which a client stores a text (core/contract/README.md, "Restoring"). */
export const storeKey = ({ name = 'oauth2', issuer, token_endpoint, client_id }, what = 'session') =>
  `${name}.${createHash('sha256')
    .update(`${issuer ?? token_endpoint}\n${client_id}`)
    .digest('base64url')
    .slice(0, 22)}.${what}`;
