// The bindings over a client in a vault, in Chromium: a sign-in, an API, a reload that stays signed
// in, a sign-out that another tab shows.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from 'svelte/compiler';
import { drivers } from './lib/drivers.mjs';
import { installed, root } from './lib/installed.mjs';
import { decide, PAGE, world as openWorld } from './lib/vault.mjs';
import { bundle } from './lib/world.mjs';

const development = {
  conditions: ['browser', 'development'],
  define: {
    'process.env.NODE_ENV': '"development"',
    __VUE_OPTIONS_API__: 'true',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true',
  },
};
const OPEN = `
import { openClient } from 'oauth2-wasm/vault';
const open = () => openClient({ worker: '/auth-worker.js' });
const shown = (window.shown = []);
const ask = (auth) => void auth.fetch(window.api).then((response) => response.json()).then(({ email }) => (window.answer = email));
`;
const react = `
import { StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { AuthProvider, createAuth, RequireAuth, useAuth, useUser } from 'oauth2-wasm/react';
${OPEN}
const auth = createAuth(open);
const Status = () => {
  const { status } = useAuth();
  useEffect(() => void shown.push(status));
  return null;
};
const User = () => {
  const user = useUser();
  useEffect(() => ask(auth), []);
  return <p id="app">user {user.sub && 'Alice'}<button id="out" onClick={() => auth.signOut({ navigate() {} })}>out</button></p>;
};
createRoot(document.querySelector('main')).render(<StrictMode><AuthProvider auth={auth}><Status /><RequireAuth pending={<p id="app">wait</p>}><User /></RequireAuth></AuthProvider></StrictMode>);
`;
const vue = `
import { createApp, defineComponent, h, onMounted, watchEffect } from 'vue';
import { createAuth, RequireAuth, useAuth, useUser } from 'oauth2-wasm/vue';
${OPEN}
const auth = createAuth(open);
const User = defineComponent(() => {
  const user = useUser();
  onMounted(() => ask(auth));
  return () => h('p', { id: 'app' }, ['user ' + (user.value?.sub && 'Alice'), h('button', { id: 'out', onClick: () => auth.signOut({ navigate() {} }) }, 'out')]);
});
const App = defineComponent(() => {
  const { state } = useAuth();
  watchEffect(() => shown.push(state.value.status));
  return () => h(RequireAuth, null, { default: () => h(User), pending: () => h('p', { id: 'app' }, 'wait') });
});
createApp(App).use(auth).mount('main');
`;
const svelte = `
import { mount } from 'svelte';
import App from 'App.svelte';
mount(App, { target: document.querySelector('main') });
`;
const component = `<script>
  import { ask, auth, shown } from 'auth';
  $effect(() => void shown.push(auth.state.status));
  $effect(() => { if (auth.state.status === 'not_authenticated' && !auth.state.signed_out) auth.signIn(); });
  $effect(() => { if (auth.state.status === 'granted') ask(auth); });
</script>
{#if auth.state.status === 'granted'}<p id="app">user {auth.state.claims.sub && 'Alice'}<button id="out" onclick={() => auth.signOut({ navigate() {} })}>out</button></p>
{:else}<p id="app">wait</p>{/if}`;
const plugin = {
  name: 'svelte',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.svelte$/ }, ({ path }) => ({ path, namespace: 'svelte' }));
    onResolve({ filter: /^auth$/ }, ({ path }) => ({ path, namespace: 'auth' }));
    onLoad({ filter: /./, namespace: 'svelte' }, ({ path }) => ({
      contents: compile(component, { generate: 'client', dev: true, filename: path }).js.code,
      resolveDir: root,
    }));
    onLoad({ filter: /./, namespace: 'auth' }, () => ({
      contents: `import { createAuth } from 'oauth2-wasm/svelte';${OPEN} export const auth = createAuth(open); export { ask, shown };`,
      resolveDir: installed(),
    }));
  },
};
const apps = {
  'React 18': [react, 'tsx', { ...development, alias: { react: join(root, 'node_modules/react-18'), 'react-dom': join(root, 'node_modules/react-dom-18') } }],
  'React 19': [react, 'tsx', development],
  'Vue 3': [vue, 'ts', development],
  'Svelte 5': [svelte, 'ts', { ...development, conditions: ['browser', 'svelte', 'development'], plugins: [plugin] }],
};

for (const [name, made] of Object.entries(apps)) {
  test(`P71 ${name} over a vault: to the server and back, an API, a reload without a flash, a sign-out in another tab`, async (t) => {
    const app = await openWorld();
    const browser = await drivers.chromium();
    t.after(async () => {
      await browser.stop();
      await app.stop();
    });
    app.extra[PAGE] =
      `<!doctype html><link rel="icon" href="data:,"><title>app</title><main></main><script src="/api.js"></script><script type="module" src="/app.js"></script>`;
    app.extra['/api.js'] = `window.api = ${JSON.stringify(`${app.server.issuer}/userinfo`)};`;
    app.extra['/app.js'] = await bundle(...made);
    const tab = await browser.open('one');
    const signedIn = (page) => page.until(() => document.querySelector('#app')?.textContent === 'user Aliceout' && window.answer === 'alice@example.com');
    await tab.goto(app.site.url + PAGE);
    await decide(tab);
    await signedIn(tab);
    const states = () => tab.evaluate(() => [...new Set(window.shown)]);
    assert.deepEqual(await states(), ['restoring', 'granted']);
    await tab.goto(app.site.url + PAGE);
    await signedIn(tab);
    assert.deepEqual(await states(), ['restoring', 'granted']);
    const two = await browser.open('one');
    await two.goto(app.site.url + PAGE);
    await signedIn(two);
    await tab.evaluate(() => document.querySelector('#out').click()); // a tab in the background gets no mouse events
    await tab.until(() => document.querySelector('#app').textContent === 'wait');
    // It leaves for the server at once, because the user did not sign out in this tab.
    await two.until(() => !window.shown || window.shown.includes('not_authenticated'));
  });
}
