// The site: its pages are staged by ../build.mjs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { slug } from '../markdown.mjs';

const staged = fileURLToPath(new URL('../../../build/docs-source', import.meta.url));

/** The groups of the side bar. A page that is on no list comes last in its folder's group. */
const groups = [
  { text: 'Begin', pages: ['start', 'how', 'glossary'] },
  {
    text: 'Guides',
    folder: 'guides',
    pages: ['page', 'frameworks', 'vault', 'device', 'bff', 'worker', 'go', 'terminal', 'resource', 'plugins', 'agents', 'many-users'],
  },
  { text: 'Deploy', folder: 'deploy', pages: ['index', 'node', 'hono-express', 'deno', 'bun', 'next', 'worker', 'go', 'stores'] },
  { text: 'Providers', pages: ['providers', 'presets'] },
  { text: 'Coming from …', folder: 'migrate', pages: ['oidc-client-ts', 'auth0-spa-js', 'react-oidc-context', 'openid-client', 'x-oauth2', 'oauth2-proxy'] },
  { text: 'Errors and security', pages: ['errors', 'security', 'security-paper'] },
  { text: 'Size and speed', pages: ['peers', 'figures', 'rationale'] },
  { text: 'Reference', pages: ['reference/package', 'reference/js/index', 'reference/go/index', 'reference/edge'] },
  { text: 'For authors of hosts', folder: 'contract', pages: ['index', 'hosts', 'behaviours'] },
  { text: 'Project', pages: ['changelog', 'contributing'] },
];

const title = (path) => /^# (.*)$/m.exec(readFileSync(join(staged, path), 'utf8'))?.[1].replaceAll('`', '') ?? path;

const sidebar = groups.flatMap(({ text, folder, pages }) => {
  const listed = folder && existsSync(join(staged, folder)) ? readdirSync(join(staged, folder)).map((name) => name.replace(/\.md$/, '')) : [];
  const names = [...pages, ...listed.filter((name) => !pages.includes(name)).sort()];
  const items = names
    .map((name) => (folder ? `${folder}/${name}` : name))
    .filter((name) => existsSync(join(staged, `${name}.md`)))
    .map((name) => ({ text: title(`${name}.md`), link: `/${name.replace(/(^|\/)index$/, '$1')}` }));
  return items.length > 0 ? [{ text, items, collapsed: false }] : [];
});

export default {
  title: 'oauth2-wasm',
  description: 'An OAuth 2 and OpenID Connect client whose protocol is one WebAssembly module.',
  base: '/docs/',
  head: [['link', { rel: 'icon', href: '/docs/icon.svg' }]],
  srcDir: '../../build/docs-source',
  outDir: '../../build/docs',
  cacheDir: '../../build/docs-cache',
  ignoreDeadLinks: 'localhostLinks', // addresses that a program prints; check.mjs checks all others
  markdown: {
    html: true,
    anchor: { slugify: slug },
    toc: { slugify: slug },
    // The project's prose contains braces and angle brackets that are neither templates nor
    // elements.
    config: (md) => {
      const escape = md.utils.escapeHtml;
      md.renderer.rules.text = (tokens, at) => escape(tokens[at].content).replaceAll('{{', '&#123;&#123;');
    },
  },
  vite: { build: { chunkSizeWarningLimit: 4000, target: 'es2022' }, logLevel: 'warn' },
  themeConfig: {
    nav: [
      { text: 'Guides', link: '/guides/page' },
      { text: 'Deploy', link: '/deploy/' },
      { text: 'Errors', link: '/errors' },
      { text: 'Reference', link: '/reference/package' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/oauth2-wasm/oauth2-wasm' }],
  },
};
