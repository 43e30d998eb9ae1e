// The bindings to React 18 and 19, Vue 3 and Svelte 5, in Chromium: routers, server rendering,
// failures.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { compile } from 'svelte/compiler';
import { decide, launch } from './lib/browser.mjs';
import { installed, root } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { API, APP, AS, at, bundle, world as openWorld } from './lib/world.mjs';

let browser, server;
before(async () => {
  server = await authserver('-issuer', AS, `${APP}/callback`, `${APP}/`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
const world = (t, script, html) => openWorld(t, { browser, server }, { '/': script }, undefined, html);

/** The number of sign-ins: each is first pushed to the server. */
const signIns = (requests) => requests.filter((request) => request.url() === `${AS}/par` && request.method() === 'POST').length;

/** What every application here opens. */
const OPEN = `
import { openClient } from 'oauth2-wasm';
const open = () => openClient({
  client_id: 'app', issuer: '${AS}', discovery: true, redirect_uri: '${APP}/callback', scope: 'openid profile', token_destinations: ['${API}/'],
});
`;

/** Waits until an element has this text. */
const shows = (page, text, selector = '#app') =>
  page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent === text, [selector, text]);

const development = {
  conditions: ['browser', 'development'],
  define: {
    'process.env.NODE_ENV': '"development"',
    __VUE_OPTIONS_API__: 'true',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true',
  },
};
const reacts = {
  'React 18': { ...development, alias: { react: join(root, 'node_modules/react-18'), 'react-dom': join(root, 'node_modules/react-dom-18') } },
  'React 19': development,
};

const reactApp = (body, end = "createRoot(document.querySelector('main')).render(<StrictMode><App /></StrictMode>);") => `
import { Component, StrictMode, useEffect } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { AuthProvider, createAuth, RequireAuth, useAuth, useUser } from 'oauth2-wasm/react';
${OPEN}
const auth = createAuth(open);
const Status = () => {
  const { status } = useAuth();
  useEffect(() => console.log('status ' + status));
  return null;
};
const User = () => {
  const user = useUser();
  const { signOut, fetch } = useAuth();
  useEffect(() => void fetch('${API}/me').then((response) => response.json()).then(({ me }) => console.log('api ' + me)), []);
  return <p id="app">user {user.sub && 'Alice'}<button id="out" onClick={() => signOut({ navigate() {} })}>out</button></p>;
};
${body}
${end}
`;
const statuses = (logs) => logs.filter((line) => line.startsWith('status ')).map((line) => line.slice(7));

for (const [name, options] of Object.entries(reacts)) {
  test(`P54 ${name}: who is not signed in goes to sign in and comes back to the place, under StrictMode, without a flash`, async (t) => {
    const script = await bundle(
      reactApp("const App = () => <AuthProvider auth={auth}><Status /><RequireAuth pending={<p id='app'>wait</p>}><User /></RequireAuth></AuthProvider>;"),
      'tsx',
      options,
    );
    const { page, logs, complaints, count, requests } = await world(t, script);
    await page.goto(`${APP}/inside?x=1#y`);
    await at(page, `${AS}/authorize`);
    assert.equal(signIns(requests), 1);
    logs.length = 0;
    await decide(page, 'approve');
    await shows(page, 'user Aliceout');
    await until(() => logs.includes('api alice'), 'the API');
    assert.equal(page.url(), `${APP}/inside?x=1#y`);
    assert.deepEqual([...new Set(statuses(logs))], ['restoring', 'granted']);
    assert.equal(count('/token'), 1);
    // A user who has signed out is not sent to sign in again.
    await page.click('#out');
    await shows(page, 'wait');
    assert.equal(page.url(), `${APP}/inside?x=1#y`);
    assert.deepEqual(complaints, []);
  });

  test(`P55 ${name}: a server renders what is pending and opens nothing; the page hydrates without a complaint`, async (t) => {
    const body = "export const App = () => <AuthProvider auth={auth}><RequireAuth pending={<p id='app'>wait</p>}><User /></RequireAuth></AuthProvider>;";
    const rendered = await bundle(
      `import { renderToString } from 'react-dom/server';${reactApp(body.replace('export ', ''), 'export const html = renderToString(<StrictMode><App /></StrictMode>); export const state = () => auth.state;')}`,
      'tsx',
      {
        ...options,
        platform: 'node',
        conditions: ['node'],
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      },
    );
    const file = join(installed(), `ssr-${process.pid}-${name.replace(' ', '')}.mjs`);
    writeFileSync(file, rendered);
    const { html, state } = await import(pathToFileURL(file).href);
    assert.equal(html, '<p id="app">wait</p>');
    assert.equal(state().status, 'restoring');
    const end =
      "hydrateRoot(document.querySelector('main'), <StrictMode><App /></StrictMode>, { onRecoverableError: (error) => console.error(String(error)) });";
    const { page, complaints } = await world(t, await bundle(reactApp(body, end), 'tsx', options), html);
    await page.goto(`${APP}/inside`);
    await at(page, `${AS}/authorize`);
    await decide(page, 'approve');
    await shows(page, 'user Aliceout');
    assert.deepEqual(complaints, []);
  });

  test(`P56 ${name}: what fails reaches an error boundary, or the page that is shown otherwise; nobody is sent round in circles`, async (t) => {
    for (const [otherwise, shown] of [
      ['', 'error access_denied'],
      ['otherwise={<Otherwise />}', 'otherwise access_denied'],
    ]) {
      const script = await bundle(
        reactApp(`
class Boundary extends Component {
  state = {};
  static getDerivedStateFromError = (error) => ({ error });
  render() { return this.state.error ? <p id="app">error {this.state.error.error}</p> : this.props.children; }
}
const Otherwise = () => {
  const { error, signIn } = useAuth();
  return <p id="app">otherwise {error?.error}<button id="in" onClick={() => signIn()} /></p>;
};
const App = () => <AuthProvider auth={auth}><Boundary><RequireAuth ${otherwise}><User /></RequireAuth></Boundary></AuthProvider>;`),
        'tsx',
        options,
      );
      const { page, requests } = await world(t, script);
      await page.goto(`${APP}/inside`);
      if (otherwise) {
        await shows(page, 'otherwise ');
        await page.click('#in');
      }
      await at(page, `${AS}/authorize`);
      await decide(page, 'deny');
      await shows(page, shown);
      assert.equal(signIns(requests), 1);
      if (!otherwise) continue;
      await page.click('#in');
      await at(page, `${AS}/authorize`);
      await decide(page, 'approve');
      await shows(page, 'user Aliceout');
    }
  });
}

const routers = {
  'React Router': `
import { createBrowserRouter, RouterProvider, useLocation } from 'react-router';
const Inside = () => { const { pathname, search, hash } = useLocation(); return <p id="app">{pathname + search + hash} <i>{useUser()?.sub && 'Alice'}</i></p>; };
const protect = GUARD ? { loader: ({ request }) => { const { pathname, search } = new URL(request.url); return auth.require(pathname + search); } } : {};
const inside = GUARD ? <Inside /> : <RequireAuth><Inside /></RequireAuth>;
const router = createBrowserRouter([{ path: '/callback', element: <p id="app">callback</p> }, { path: '/inside', element: inside, ...protect, HydrateFallback: () => null }]);
window.go = (to) => void router.navigate(to);
const App = () => <AuthProvider auth={auth}><Status /><RouterProvider router={router} /></AuthProvider>;`,
  'TanStack Router': `
import { createRootRoute, createRoute, createRouter, Outlet, RouterProvider, useLocation } from '@tanstack/react-router';
const Inside = () => { const { href } = useLocation(); return <p id="app">{href} <i>{useUser()?.sub && 'Alice'}</i></p>; };
const protect = GUARD ? { beforeLoad: async ({ location }) => void (await auth.require(location.href)) } : {};
const rootRoute = createRootRoute({ component: Outlet });
const routeTree = rootRoute.addChildren([
  createRoute({ getParentRoute: () => rootRoute, path: '/callback', component: () => <p id="app">callback</p> }),
  createRoute({ getParentRoute: () => rootRoute, path: '/inside', component: () => GUARD ? <Inside /> : <RequireAuth><Inside /></RequireAuth>, ...protect }),
]);
const router = createRouter({ routeTree });
window.go = (to) => router.history.push(to);
const App = () => <AuthProvider auth={auth}><Status /><RouterProvider router={router} /></AuthProvider>;`,
};
for (const [name, body] of Object.entries(routers)) {
  for (const guard of [false, true]) {
    test(`P57 ${name}: ${guard ? 'a guard of a route' : 'a component around it'} sends to sign in, and back to the place`, async (t) => {
      const script = await bundle(reactApp(body.replaceAll('GUARD', guard)), 'tsx', development);
      // From a link of another site, and from a page of this one: there the guard runs before the
      // URL has changed.
      for (const from of ['/inside?x=1', '/callback']) {
        const { page, count, complaints } = await world(t, script);
        await page.goto(APP + from);
        if (from === '/callback') {
          await shows(page, 'callback');
          await page.evaluate(() => window.go('/inside?x=1'));
        }
        await at(page, `${AS}/authorize`);
        await decide(page, 'approve');
        await shows(page, '/inside?x=1 Alice');
        assert.equal(page.url(), `${APP}/inside?x=1`);
        assert.equal(count('/token'), 1);
        assert.deepEqual(complaints, []);
      }
    });
  }
}

const vueApp = (end) => `
import { createApp, createSSRApp, defineComponent, h, onErrorCaptured, ref, watchEffect } from 'vue';
import { createMemoryHistory, createRouter, createWebHistory, RouterView } from 'vue-router';
import { createAuth, RequireAuth, useAuth, useUser } from 'oauth2-wasm/vue';
${OPEN}
const User = defineComponent(() => {
  const user = useUser();
  const { signOut } = useAuth();
  return () => h('p', { id: 'app' }, ['user ' + (user.value?.sub && 'Alice'), h('button', { id: 'out', onClick: () => signOut({ navigate() {} }) }, 'out')]);
});
const Root = defineComponent(() => {
  const { state } = useAuth();
  if (globalThis.document) watchEffect(() => console.log('status ' + state.value.status));
  const failed = ref();
  onErrorCaptured((error) => ((failed.value = error), false));
  return () => failed.value ? h('p', { id: 'app' }, 'error ' + failed.value.error) : h(RouterView);
});
const page = (render) => defineComponent(() => render);
const around = (slots) => page(() => h(RequireAuth, null, slots));
const application = (create) => {
  const auth = createAuth(open, { onRedirect: (to) => router.replace(to ?? '/') });
  const slots = { default: () => h(User), pending: () => h('p', { id: 'app' }, 'wait') };
  const router = createRouter({
    history: globalThis.document ? createWebHistory() : createMemoryHistory(),
    routes: [
      { path: '/callback', component: page(() => h('p', { id: 'app' }, 'callback')) },
      { path: '/component', component: around(slots) },
      { path: '/otherwise', component: around({ ...slots, otherwise: ({ error }) => h('p', { id: 'app' }, 'otherwise ' + error?.error) }) },
      { path: '/guard', component: User, beforeEnter: (to) => auth.require(to.fullPath) },
    ],
  });
  return { auth, router, app: create(Root).use(auth).use(router) };
};
${end}`;

test('P58 Vue 3: a component and a guard of vue-router send to sign in, and back to the place, without a flash', async (t) => {
  const script = await bundle(vueApp("application(createApp).app.mount('main');"), 'ts', development);
  for (const path of ['/component?x=1', '/guard?x=1']) {
    const { page, logs, complaints, count } = await world(t, script);
    await page.goto(APP + path);
    await at(page, `${AS}/authorize`);
    logs.length = 0;
    await decide(page, 'approve');
    await shows(page, 'user Aliceout');
    assert.equal(page.url(), APP + path);
    assert.deepEqual(statuses(logs), ['restoring', 'granted'], path);
    assert.equal(count('/token'), 1);
    if (path.startsWith('/component')) {
      await page.click('#out');
      await shows(page, 'wait');
    }
    assert.deepEqual(complaints, []);
  }
});

test('P58 Vue 3: what fails is an error of the component, or shown otherwise', async (t) => {
  const script = await bundle(vueApp("application(createApp).app.mount('main');"), 'ts', development);
  for (const [path, shown, sent] of [
    ['/component', 'error access_denied', true],
    ['/otherwise', 'otherwise undefined', false],
  ]) {
    const { page } = await world(t, script);
    await page.goto(APP + path);
    if (sent) {
      await at(page, `${AS}/authorize`);
      await decide(page, 'deny');
      await until(() => page.url() === `${APP}/callback`, 'back');
      await page.evaluate((path) => (history.pushState(null, '', path), dispatchEvent(new PopStateEvent('popstate'))), path);
    }
    await shows(page, shown);
  }
});

test('P58 Vue 3: a server renders what is pending and opens nothing; the page hydrates without a complaint', async (t) => {
  const file = join(installed(), `ssr-${process.pid}-vue.mjs`);
  const require = createRequire(import.meta.url);
  const end = `import { renderToString } from ${JSON.stringify(require.resolve('vue/server-renderer'))};
const { app, auth, router } = application(createSSRApp);
await router.push('/component');
export const html = await renderToString(app);
export const status = auth.state.value.status;`;
  writeFileSync(
    file,
    await bundle(vueApp(end), 'ts', {
      ...development,
      platform: 'node',
      conditions: ['node'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    }),
  );
  const { html, status } = await import(pathToFileURL(file).href);
  assert.equal(html, '<!--[--><p id="app">wait</p><!--]-->');
  assert.equal(status, 'restoring');
  const script = await bundle(vueApp("const { app, router } = application(createSSRApp); await router.isReady(); app.mount('main');"), 'ts', development);
  const { page, complaints } = await world(t, script, html);
  await page.goto(`${APP}/component`);
  await at(page, `${AS}/authorize`);
  assert.deepEqual(complaints, []);
});

/** Compiles components of Svelte. */
const svelte = (generate, files) => ({
  name: 'svelte',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.svelte$/ }, ({ path }) => ({ path, namespace: 'svelte' }));
    onLoad({ filter: /./, namespace: 'svelte' }, ({ path }) => ({
      contents: compile(files[path], { generate, dev: generate === 'client', filename: path }).js.code,
      resolveDir: root,
    }));
  },
});
const svelteFiles = {
  'App.svelte': `<script>
  import { auth } from 'auth';
  let name = $derived(auth.state.claims?.sub && 'Alice');
  $effect(() => console.log('status ' + auth.state.status));
  $effect(() => { if (auth.state.status === 'not_authenticated' && !auth.state.signed_out) auth.signIn(); });
</script>
{#if auth.state.status === 'granted'}<p id="app">user {name} {$auth.status}<button id="out" onclick={() => auth.signOut({ navigate() {} })}>out</button></p>
{:else if auth.state.error}<p id="app">error {auth.state.error.error}</p>
{:else}<p id="app">wait {$auth.status}</p>{/if}`,
};
const svelteAuth = {
  name: 'auth',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^auth$/ }, ({ path }) => ({ path, namespace: 'auth' }));
    onLoad({ filter: /./, namespace: 'auth' }, () => ({
      contents: `import { createAuth } from 'oauth2-wasm/svelte';${OPEN} export const auth = createAuth(open);`,
      resolveDir: installed(),
    }));
  },
};

test('P59 Svelte 5: state is reactive, and a store; who is not signed in goes to sign in and comes back, without a flash; a server opens nothing', async (t) => {
  const file = join(installed(), `ssr-${process.pid}-svelte.mjs`);
  const server =
    "import { render } from 'svelte/server'; import App from 'App.svelte'; import { auth } from 'auth'; export const { body } = render(App); export const status = auth.state.status;";
  writeFileSync(file, await bundle(server, 'ts', { platform: 'node', conditions: ['node'], plugins: [svelteAuth, svelte('server', svelteFiles)] }));
  const { body, status } = await import(pathToFileURL(file).href);
  assert.match(body, /<p id="app">wait restoring<\/p>/);
  assert.equal(status, 'restoring');
  const script = await bundle(
    "import { hydrate } from 'svelte'; import App from 'App.svelte'; hydrate(App, { target: document.querySelector('main') });",
    'ts',
    {
      ...development,
      conditions: ['browser', 'svelte', 'development'],
      plugins: [svelteAuth, svelte('client', svelteFiles)],
    },
  );
  const { page, logs, complaints, count } = await world(t, script, body);
  await page.goto(`${APP}/inside?x=1`);
  await at(page, `${AS}/authorize`);
  logs.length = 0;
  await decide(page, 'approve');
  await shows(page, 'user Alice grantedout');
  assert.equal(page.url(), `${APP}/inside?x=1`);
  assert.deepEqual(statuses(logs), ['restoring', 'granted']);
  assert.equal(count('/token'), 1);
  await page.click('#out');
  await shows(page, 'wait not_authenticated');
  assert.deepEqual(complaints, []);
});
