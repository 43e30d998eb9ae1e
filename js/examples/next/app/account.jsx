'use client';
import { useEffect, useState } from 'react';
import { RequireAuth, useAuth } from 'oauth2-wasm/react';

function Me() {
  const { fetch, signOut } = useAuth();
  const [name, setName] = useState('…');
  useEffect(() => {
    fetch('/api/me')
      .then((response) => response.json())
      .then((me) => setName(me.name));
  }, [fetch]);
  return (
    <>
      <p>Signed in: {name}</p>
      <button onClick={() => signOut()}>Sign out</button>
    </>
  );
}

function SignIn() {
  const { error, signIn } = useAuth();
  return (
    <>
      {error && <p>{error.message}</p>}
      <button onClick={() => signIn()}>Sign in</button>
    </>
  );
}

export function Account() {
  return (
    <RequireAuth pending={<p>One moment …</p>} otherwise={<SignIn />}>
      <Me />
    </RequireAuth>
  );
}
