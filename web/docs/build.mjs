// Builds the documentation into build/docs: `make docs`. What it stages in build/docs-source:
//
// - the pages of this folder,
// - sections of READMEs that a page includes by `[Read on: …](FILE#SECTION)<!-- include -->`, which
//   is a link for readers of the file itself,
// - whole documents of the project (see `papers`),
// - a reference of the package, by TypeDoc, and of the Go packages, by `go doc`.
//
// Pages are found by listing the folder. A link to a file of the repository becomes a link to its
// page, or to the file on GitHub. A broken link is an error.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goReference } from './goreference.mjs';
import { mapProse, sectionOf, slugs } from './markdown.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const root = join(here, '../..');
export const staged = join(root, 'build/docs-source');
const github = 'https://github.com/oauth2-wasm/oauth2-wasm';

/** Documents of the project that are pages unchanged, with the names of the pages. */
const papers = {
  'SECURITY.md': 'security-paper.md',
  'RATIONALE.md': 'rationale.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'js/README.md': 'reference/package.md',
  'edge/README.md': 'reference/edge.md',
  'core/contract/README.md': 'contract/index.md',
  'core/contract/HOSTS.md': 'contract/hosts.md',
  'core/contract/BEHAVIOURS.md': 'contract/behaviours.md',
};

const list = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
    return entry.isDirectory() ? list(path) : [path];
  });

/** Files beside pages that are copied unchanged. */
const assets = ['.svg', '.png'];

const read = (path) => readFileSync(join(root, path), 'utf8');
const include = /^\[Read on: [^\]]*\]\((\S+?)#(\S+)\)<!-- include -->$/gm;

/** The pages: where each is staged, and its source, by paths from the root. */
export const pages = () => {
  const own = list(here).filter((path) => path.endsWith('.md'));
  return [
    ...own.map((path) => ({ page: relative(here, path), source: relative(root, path) })),
    ...Object.entries(papers).map(([source, page]) => ({ page, source })),
  ];
};

/** The text of a page with the sections that it includes, each with its file. */
export const parts = (source) => {
  const text = read(source);
  const found = [];
  let at = 0;
  for (const match of text.matchAll(include)) {
    found.push({ source, text: text.slice(at, match.index) });
    const file = relative(root, resolve(root, dirname(source), match[1]));
    found.push({ source: file, text: sectionOf(read(file), match[2], file), included: match[2] });
    at = match.index + match[0].length;
  }
  found.push({ source, text: text.slice(at) });
  return found;
};

/** Resolves links: a function of the file that contains a link, its page, and the link. */
const resolver = (all) => {
  const whole = new Map(all.map(({ page, source }) => [source, page]));
  const sections = new Map();
  for (const { page, source } of all) {
    for (const part of parts(source)) {
      if (part.included) for (const slug of slugs(part.text)) sections.set(`${part.source}#${slug}`, page);
    }
  }
  return (file, page, link) => {
    if (/^[a-z]+:/.test(link)) {
      const inside = link.startsWith(`${github}/blob/main/`) ? link.slice(`${github}/blob/main/`.length) : undefined;
      if (!inside) return link;
      file = 'README.md';
      link = inside;
    }
    const [path, hash] = link.split('#');
    const target = path ? relative(root, resolve(root, dirname(file), path)).replace(/\/$/, '') : file;
    // This build generates the reference, so there is no file of the repository to link to.
    const generated = /^web\/docs\/(reference\/(js|go)\/.*)$/.exec(target);
    if (generated) return relativeLink(page, generated[1], hash);
    if (!existsSync(join(root, target))) throw new Error(`${file}: ${link} leads nowhere`);
    if (target.startsWith('web/docs/') && assets.includes(extname(target))) return relativeLink(page, target.slice('web/docs/'.length));
    const kept =
      (hash && sections.get(`${target}#${hash}`)) || whole.get(target) || whole.get(join(target, 'README.md')) || whole.get(join(target, 'index.md'));
    if (kept) {
      if (
        hash &&
        !slugs(
          parts([...whole].find(([, one]) => one === kept)[0])
            .map((part) => part.text)
            .join('\n'),
        ).has(hash)
      )
        throw new Error(`${file}: ${link}: no such heading`);
      return relativeLink(page, kept, hash);
    }
    const kind = statSync(join(root, target)).isDirectory() ? 'tree' : 'blob';
    return `${github}/${kind}/main/${target}${hash ? `#${hash}` : ''}`;
  };
};

const relativeLink = (from, to, hash) => {
  const path = relative(dirname(from), to) || to;
  return (path.startsWith('.') ? path : `./${path}`) + (hash ? `#${hash}` : '');
};

/** Links of Markdown, outside of code. */
const links = /(\]\()([^)\s]+)(\))/g;

export const stage = () => {
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  // Pages are Vue programs: they have to find the Vue of this folder, and not the workspace's.
  symlinkSync(join(here, 'node_modules'), join(staged, 'node_modules'), 'dir');
  const all = pages();
  const resolveLink = resolver(all);
  for (const { page, source } of all) {
    const text = parts(source)
      .map((part) => mapProse(part.text, (prose) => prose.replace(links, (_, before, link, after) => before + resolveLink(part.source, page, link) + after)))
      .join('');
    const path = join(staged, page);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const path of list(here).filter((one) => assets.includes(extname(one)))) {
    const to = join(staged, relative(here, path));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to);
  }
};

/**
 * Moves scripts out of the built pages into files, so that the pages run under a policy of
 * `script-src 'self'`.
 */
const scriptsToFiles = (site) => {
  for (const path of list(site).filter((one) => one.endsWith('.html'))) {
    const text = readFileSync(path, 'utf8').replace(/<script( id="[^"]*")?>([\s\S]*?)<\/script>/g, (_, id = '', script) => {
      const name = `assets/inline-${createHash('sha256').update(script).digest('hex').slice(0, 12)}.js`;
      writeFileSync(join(site, name), script);
      return `<script${id} src="/docs/${name}"></script>`;
    });
    writeFileSync(path, text);
  }
};

const run = (program, args, folder = here) => execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  stage();
  goReference(root, join(staged, 'reference/go'));
  run(process.execPath, ['node_modules/typedoc/bin/typedoc', '--options', 'typedoc.json']);
  run(process.execPath, ['node_modules/vitepress/bin/vitepress.js', 'build', '.']);
  scriptsToFiles(join(root, 'build/docs'));
  run(process.execPath, ['check.mjs']);
}
