// A browser with an application, an authorization server and an API, each under its own host, and a
// record of what happens there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { installed, root } from './installed.mjs';
import { until } from './provider.mjs';

export const [APP, AS, API] = ['https://app.example', 'https://as.example', 'https://api.example'];
export const wasm = readFileSync(join(installed(), 'node_modules/oauth2-wasm/dist/oauth2.wasm'));

/** A program as bundled code. */
export const bundle = async (contents, loader = 'ts', options = { conditions: ['browser'] }) => {
  const stdin = { contents, loader, resolveDir: installed(), sourcefile: `sample.${loader}` };
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    nodePaths: [join(root, 'node_modules')],
    jsx: 'automatic',
    ...options,
  });
  return outputFiles[0].text;
};

/**
 * The world of a test. `scripts` are programs by path; `api` answers instead of the API, and `html`
 * is the server-rendered content of `<main>`. `allowing` makes the policy wider.
 *
 * @param {{browser: import('playwright-core').Browser, server: {issuer: string}}} hands a server
 * started with `-issuer` and {@link AS}
 */
export const world = async (t, { browser, server }, scripts, api = () => ({ body: '{"me":"alice"}' }), html = '', allowing = (policy) => policy) => {
  const context = await browser.newContext();
  // Requests after the end of a test are ignored.
  t.after(async () => {
    await context.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  });
  const seen = { logs: [], complaints: [], requests: [] };
  context.on('console', (message) => {
    if (message.type() === 'error') seen.complaints.push(message.text());
    // The browser's own messages, such as that it did not focus a field, have type info.
    else if (message.type() !== 'info') seen.logs.push(message.text());
  });
  context.on('weberror', (error) => seen.complaints.push(String(error.error())));
  const body =
    '<!doctype html><link rel="icon" href="data:,"><title>app</title><p id="code"></p><div id="qr"></div><main>' + html + '</main><button>Sign in</button>';
  // The policy of js/README.
  const policy = allowing(`default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${AS} ${API}`);
  await context.route(`${APP}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/oauth2.wasm') return route.fulfill({ contentType: 'application/wasm', body: wasm });
    if (pathname.endsWith('.js')) return route.fulfill({ contentType: 'text/javascript', body: scripts[pathname.slice(0, -3)] });
    const script = pathname in scripts ? pathname : '/';
    return route.fulfill({
      contentType: 'text/html',
      headers: { 'content-security-policy': policy },
      body: `${body}<script type="module" src="${script}.js"></script>`,
    });
  });
  await context.route(`${AS}/**`, async (route) => {
    const request = route.request();
    seen.requests.push(request);
    const response = await route.fetch({ url: request.url().replace(AS, server.issuer), maxRedirects: 0 });
    const { location, ...headers } = response.headers();
    // A redirect's target bypasses the routes, so a page leads there instead.
    const page = { status: 200, headers: { ...headers, 'content-type': 'text/html', refresh: `0; url=${location}` }, body: '' };
    await route.fulfill({ response, ...(location && page) });
  });
  await context.route(`${API}/**`, (route) => {
    const request = route.request();
    seen.requests.push(request);
    const { headers, ...answer } = api(request);
    return route.fulfill({
      ...answer,
      headers: { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*, WWW-Authenticate', 'content-type': 'application/json', ...headers },
    });
  });
  const count = (path) => seen.requests.filter((request) => request.method() === 'POST' && request.url() === AS + path).length;
  return { context, page: await context.newPage(), ...seen, count };
};

/** Waits until the page's URL begins with this text. */
export const at = (page, url) => until(() => page.url().startsWith(url), url);
/** Waits for a line. */
export const said = (list, text) => until(() => list.some((line) => line.includes(text)), text);
