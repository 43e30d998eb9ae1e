import { openClient } from '/oauth2-wasm/index.js';
import { createAuth } from '/oauth2-wasm/auth.js';

const { issuer } = await (await fetch('/config.json')).json();

const auth = createAuth(() =>
  openClient({
    client_id: 'app',
    issuer,
    discovery: true,
    redirect_uri: `${location.origin}/`,
    scope: 'openid profile',
    token_destinations: [issuer],
  }),
);

const text = document.querySelector('#text');
const button = document.querySelector('button');

auth.subscribe(async ({ status, error }) => {
  if (status === 'restoring' && !error) return;
  const signedIn = status === 'granted';
  text.textContent = error ? error.message : signedIn ? 'Signed in' : 'Not signed in';
  button.textContent = signedIn ? 'Sign out' : 'Sign in';
  button.onclick = () => (signedIn ? auth.signOut() : auth.signIn());
  button.hidden = false;
  if (!signedIn) return;
  const response = await auth.fetch(`${issuer}/userinfo`);
  text.textContent = `Signed in: ${(await response.json()).name}`;
});
