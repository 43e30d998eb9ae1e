import { createApp } from 'vue';
import { openClient } from 'oauth2-wasm';
import { createAuth } from 'oauth2-wasm/vue';
import App from './App.vue';

const issuer = import.meta.env.VITE_ISSUER ?? 'http://127.0.0.1:9000';

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

createApp(App).use(auth).mount('#app');
