// Serves the page for paths that are not the Worker's, as Cloudflare's static assets do, with the
// headers of its file _headers.
const types = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };

/** The headers of `/*` in a file _headers. */
const parse = (text) => [...text.matchAll(/^\s+([\w-]+): (.+)$/gm)].map(([, name, value]) => [name, value]);

export default {
  async fetch(request, { WORKER, PAGE, PATHS }) {
    const { pathname } = new URL(request.url);
    const its = PATHS.some((path) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')));
    if (its || request.method !== 'GET') return WORKER.fetch(request);
    const path = pathname === '/' ? '/index.html' : pathname;
    const file = await PAGE.fetch(`http://page${path}`);
    const type = types[path.split('.').pop()];
    if (!file.ok || !type) return WORKER.fetch(request);
    const headers = await PAGE.fetch('http://page/_headers');
    return new Response(file.body, { headers: [['content-type', type], ...(headers.ok ? parse(await headers.text()) : [])] });
  },
};
