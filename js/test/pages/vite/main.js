import { openClient } from 'oauth2-wasm';

const output = document.querySelector('output');
try {
  const client = await openClient({
    client_id: 'vite',
    authorization_endpoint: 'https://as.example/authorize',
    token_endpoint: 'https://as.example/token',
    redirect_uri: location.href,
  });
  output.textContent = (await client.authorize({ app_state: 'from vite' })).url;
} catch (error) {
  output.textContent = `${error.name}: ${error.message}`;
}
