'use client';
import { useState } from 'react';
import { openClient } from 'oauth2-wasm';
import { AuthProvider, createAuth } from 'oauth2-wasm/react';

// On the server this makes an object that does nothing: no client is opened, and no user's state is
// there.
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
