'use client';
import { useState } from 'react';
import { openClient } from 'oauth2-wasm';
import { AuthProvider, createAuth } from 'oauth2-wasm/react';

// On the server this makes an object that does nothing: it opens no client and holds no user's
// state.
const createClient = (issuer) =>
  createAuth(() =>
    openClient({
      client_id: 'app',
      issuer,
      discovery: true,
      redirect_uri: `${location.origin}/`,
      scope: 'openid profile',
      token_destinations: [`${location.origin}/api/`],
    }),
  );

export function Providers({ issuer, children }) {
  const [auth] = useState(() => createClient(issuer));
  return <AuthProvider auth={auth}>{children}</AuthProvider>;
}
