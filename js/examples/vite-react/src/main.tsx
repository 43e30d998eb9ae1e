import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { AuthProvider, useAuth, useUser } from 'oauth2-wasm/react';
import { auth } from './auth';

function Account() {
  const user = useUser();
  const { fetch, signOut } = useAuth();
  const [name, setName] = useState('…');
  useEffect(() => {
    fetch(`${user!.iss}/userinfo`)
      .then((response) => response.json())
      .then(({ name }) => setName(name));
  }, [fetch, user]);
  return (
    <>
      <p>Signed in: {name}</p>
      <button onClick={() => signOut()}>Sign out</button>
    </>
  );
}

function App() {
  const { status, error, signIn } = useAuth();
  if (status === 'granted') return <Account />;
  if (error) console.warn(error);
  if (status === 'restoring' && !error) return <p>One moment …</p>;
  return <button onClick={() => signIn()}>Sign in</button>;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <AuthProvider auth={auth}>
      <App />
    </AuthProvider>
  </StrictMode>,
);
