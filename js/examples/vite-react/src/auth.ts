import { openClient } from 'oauth2-wasm';
import { createAuth } from 'oauth2-wasm/react';

const issuer = import.meta.env.VITE_ISSUER ?? 'http://127.0.0.1:9000';

export const auth = createAuth(() =>
  openClient({
    client_id: 'app',
    issuer,
    discovery: true,
    redirect_uri: `${location.origin}/`,
    scope: 'openid profile',
    token_destinations: [issuer],
  }),
);
