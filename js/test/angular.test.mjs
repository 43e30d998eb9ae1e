// The Angular recipes as they stand in the text, in Angular applications with its router and its
// HttpClient, without zone.js, in Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decide, launch, strictPolicy } from './lib/browser.mjs';
import { root } from './lib/installed.mjs';
import { authserver } from './lib/process.mjs';
import { until } from './lib/provider.mjs';
import { small } from './lib/vault.mjs';
import { API, APP, AS, at, bundle, wasm, world } from './lib/world.mjs';

let browser, server;
before(async () => {
  server = await authserver('-issuer', AS, `${APP}/callback`, `${APP}/`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const recipe = (file, mark) => {
  const found = [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(([, text]) => text).filter((text) => text.includes(mark));
  assert.equal(found.length, 1, `${file}: ${mark}`);
  return found[0];
};

/** A home that everybody sees, and a page of what the API says, behind the guard. */
const application = (text, interceptor) => `
import '@angular/compiler';
${text}
import { Component, inject, provideZonelessChangeDetection } from '@angular/core';
import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideRouter, RouterOutlet } from '@angular/router';

@Component({ template: '<p id="home">home</p>' })
class Home {}

@Component({ template: '<p id="me">{{ me() }}</p>' })
class Account {
  me = signal('');
  constructor() {
    const http = inject(HttpClient);
    window.http = http;
    http.get<{ me: string }>(api + 'me', { params: { fields: 'a b' } }).subscribe(({ me }) => this.me.set(me));
    http.get('https://other.example/', { responseType: 'text' }).subscribe({ error: ({ status }) => console.log('other ' + status) });
  }
}

@Component({ selector: 'main', imports: [RouterOutlet], template: '<p id="status">{{ session().status }} {{ session().claims?.sub }}</p><button id="out" (click)="out()">Sign out</button><router-outlet />' })
class App {
  session = session;
  out = () => auth.signOut();
}

const routes = [
  { path: 'account', component: Account, canActivate: [signedIn] },
  { path: '**', component: Home },
];
bootstrapApplication(App, { providers: [provideZonelessChangeDetection(), provideRouter(routes), provideHttpClient(withInterceptors([${interceptor}]))] })
  .catch((error) => console.error(String(error)));
`;

/** As Angular's own build sets them. */
const options = { conditions: ['browser'], tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } } };

/** Angular's compiler makes functions of text. */
const allowing = (policy) =>
  policy
    .replace('img-src data:;', '')
    .replace("'wasm-unsafe-eval'", "'unsafe-eval'")
    .replace('connect-src', "style-src 'unsafe-inline'; img-src data:; connect-src https://other.example");

/** The recipe's application, signed in, and where its guard has brought the user back to. */
const guarded = async (t, text, interceptor, api) => {
  const script = await bundle(application(text, interceptor), 'ts', options);
  const seen = await world(t, { browser, server }, { '/': script }, api, '', allowing);
  const others = [];
  await seen.context.route('https://other.example/**', (route) => {
    others.push(route.request());
    return route.fulfill({ headers: { 'access-control-allow-origin': '*' }, status: 418 });
  });
  const { page } = seen;
  await page.goto(`${APP}/`);
  await page.locator('#home').waitFor();
  await page.locator('#status', { hasText: 'not_authenticated' }).waitFor();
  await page.goto(`${APP}/account?tab=2`);
  await at(page, `${AS}/authorize`);
  await decide(page, 'approve');
  await page.locator('#me', { hasText: 'alice' }).waitFor();
  await page.locator('#status', { hasText: 'granted alice' }).waitFor();
  assert.equal(page.url(), `${APP}/account?tab=2`);
  await until(() => others.length > 0, 'the request elsewhere');
  assert.equal(others[0].headers().authorization, undefined);
  assert.equal(seen.count('/token'), 1);
  return seen;
};

test('E44 P63 js/README: Angular’s guard and interceptor in an application: signed in, back at the place, the token at the API alone, signed out', async (t) => {
  const { page, requests, complaints } = await guarded(t, recipe('js/README.md', 'HttpInterceptorFn'), 'withToken');
  const [asked] = requests.filter((request) => request.url().startsWith(API));
  assert.equal(asked.url(), `${API}/me?fields=a%20b`);
  assert.match(asked.headers().authorization, /^Bearer ./);
  await page.click('#out');
  await at(page, `${AS}/`);
  await page.goto(`${APP}/`);
  await page.locator('#status', { hasText: 'not_authenticated' }).waitFor();
  await page.locator('#home').waitFor();
  assert.deepEqual(
    complaints.filter((text) => !text.includes('418')),
    [],
  );
});

test('E44 P63 web/docs/guides/frameworks.md: HttpClient by a vault: bodies, answers, errors, what ends a request, and a token that is refused', async (t) => {
  const app = await small({ headers: { 'content-security-policy': allowing(strictPolicy()['content-security-policy']) } });
  t.after(() => app.stop());
  const { answers, requests, url } = app.server;
  const page = `${app.site.url}/app.html`;
  app.extra['/auth-worker.js'] = app.entry({ redirect_uri: page });
  app.extra['/app.html'] =
    '<!doctype html><base href="/"><link rel="icon" href="data:,"><title>app</title><main></main><script type="module" src="/app.js"></script>';
  answers['/authorize'] = () => ({ headers: { 'content-type': 'text/html' }, body: '<link rel="icon" href="data:,">who is it?' });
  const text = recipe('web/docs/guides/frameworks.md', 'bySession').replace('https://api.example/', `${url}/api/`);
  app.extra['/app.js'] = await bundle(
    `import '@angular/compiler';
${text}
import { Component, inject, provideZonelessChangeDetection } from '@angular/core';
import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideRouter, RouterOutlet } from '@angular/router';
import { firstValueFrom, timeout } from 'rxjs';

@Component({ template: '<p id="me">inside</p>' })
class Account {
  constructor() {
    Object.assign(window, { http: inject(HttpClient), firstValueFrom, timeout, auth });
  }
}

@Component({ selector: 'main', imports: [RouterOutlet], template: '<router-outlet />' })
class App {}

bootstrapApplication(App, {
  providers: [
    provideZonelessChangeDetection(),
    provideRouter([{ path: 'app.html', component: Account, canActivate: [() => auth.require()] }]),
    provideHttpClient(withInterceptors([bySession])),
  ],
}).catch((error) => console.error(String(error)));`,
    'ts',
    options,
  );
  app.extra['/oauth2.wasm'] = wasm;
  const context = await browser.newContext();
  t.after(() => context.close());
  const tab = await context.newPage();
  const complaints = [];
  tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await tab.goto(page);
  await at(tab, `${url}/authorize`);
  await tab.goto(`${page}?code=THE-CODE&state=${new URL(tab.url()).searchParams.get('state')}`);
  await tab.locator('#me').waitFor();
  assert.equal(tab.url(), page);

  answers['/api/echo'] = ({ method, path, headers, body }) => ({
    headers: { 'x-two': 'b' },
    body: { method, path, body, type: headers['content-type'] ?? null, one: headers['x-none'] ?? null, bearer: headers.authorization },
  });
  answers['/api/bytes'] = () => ({ headers: { 'content-type': 'text/plain' }, body: 'bytes' });
  answers['/api/none'] = () => ({ status: 204 });
  answers['/api/no'] = () => ({ status: 409, body: { reason: 'taken' } });
  answers['/api/hang'] = () => new Promise(() => {});
  let first = true;
  answers['/api/again'] = ({ body, headers }) =>
    first
      ? ((first = false), { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
      : { body: { body, bearer: headers.authorization } };
  const got = await tab.evaluate(async (api) => {
    const { http, firstValueFrom } = window;
    const get = (...args) => firstValueFrom(http.request(...args));
    const told = (promise) => promise.then(JSON.stringify, ({ name, status, error }) => ({ name, status, error: error?.name ?? error }));
    const echo = await get('POST', api + 'echo', { body: { a: 1 }, params: { q: 'x y' }, headers: { 'x-none': ['1', '2'] }, observe: 'response' });
    return {
      json: [echo.status, echo.url, echo.headers.get('x-two'), echo.body],
      text: (await get('POST', api + 'echo', { body: 'plain' })).type,
      bytes: new TextDecoder().decode(await get('GET', api + 'bytes', { responseType: 'arraybuffer' })),
      blob: (await get('GET', api + 'bytes', { responseType: 'blob' })).type,
      none: await get('GET', api + 'none'),
      no: await told(get('GET', api + 'no')),
      garbage: await told(get('GET', api + 'bytes')),
      again: await get('POST', api + 'again', { body: 'twice' }),
    };
  }, `${url}/api/`);
  assert.deepEqual(got, {
    json: [
      200,
      `${url}/api/echo?q=x%20y`,
      'b',
      { method: 'POST', path: '/api/echo?q=x%20y', body: '{"a":1}', type: 'application/json', one: '1, 2', bearer: 'Bearer ACCESS-1' },
    ],
    text: 'text/plain',
    bytes: 'bytes',
    blob: 'text/plain',
    none: null,
    no: { name: 'HttpErrorResponse', status: 409, error: { reason: 'taken' } },
    garbage: { name: 'HttpErrorResponse', status: 0, error: 'SyntaxError' },
    again: { body: 'twice', bearer: 'Bearer ACCESS-2' },
  });
  // Who unsubscribes has the request ended at the server, too.
  const ended = new Promise((resolve) => (answers['/api/hang'] = ({ closed }) => (closed.then(resolve), new Promise(() => {}))));
  await tab.evaluate((api) => (window.waiting = window.http.get(api + 'hang').subscribe()), `${url}/api/`);
  await until(() => requests.some(({ path }) => path === '/api/hang'), 'the request');
  await tab.evaluate(() => window.waiting.unsubscribe());
  await ended;
  assert.deepEqual(
    complaints.filter((text) => !text.includes('401') && !text.includes('409')),
    [],
  );
  await tab.evaluate(() => window.auth.signOut());
  assert.equal(await tab.evaluate(() => window.firstValueFrom(window.http.get('x')).catch(({ status }) => status)), 404);
});
