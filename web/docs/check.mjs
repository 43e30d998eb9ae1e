// Checks the links of the built site: each internal one leads to a file of it and, if it has a
// fragment, to an element with that id; each external one is an https URL.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @returns {string[]} what is wrong, a line for each link */
export const brokenLinks = (site, base = '/docs/') => {
  const files = readdirSync(site, { recursive: true }).filter((name) => name.endsWith('.html'));
  const read = new Map();
  const page = (path) => {
    if (!read.has(path)) read.set(path, existsSync(path) ? readFileSync(path, 'utf8') : undefined);
    return read.get(path);
  };
  const wrong = [];
  for (const file of files) {
    const text = page(join(site, file)).replace(/<pre[\s\S]*?<\/pre>/g, '');
    for (const [, link] of text.matchAll(/<a\s[^>]*?href="([^"]*)"/g)) {
      const [to, from] = [link.replaceAll('&amp;', '&'), `https://site.invalid${base}${file}`];
      const url = URL.canParse(to, from) ? new URL(to, from) : undefined;
      if (!url) wrong.push(`${file}: ${link} is no URL`);
      else if (url.origin !== 'https://site.invalid') {
        if (url.protocol !== 'https:' && !['localhost', '127.0.0.1'].includes(url.hostname) && url.protocol !== 'mailto:')
          wrong.push(`${file}: ${link} is not https`);
      } else if (!url.pathname.startsWith(base)) wrong.push(`${file}: ${link} leads out of the site`);
      else {
        const path = join(site, decodeURIComponent(url.pathname.slice(base.length)));
        const target = [path, `${path}.html`, join(path, 'index.html')].find((one) => existsSync(one) && !one.endsWith('/'));
        const html = target?.endsWith('.html') ? page(target) : undefined;
        if (!target) wrong.push(`${file}: ${link} leads nowhere`);
        else if (html && url.hash && !html.includes(`id="${decodeURIComponent(url.hash.slice(1))}"`)) wrong.push(`${file}: ${link}: no such place`);
      }
    }
  }
  return wrong;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wrong = brokenLinks(fileURLToPath(new URL('../../build/docs', import.meta.url)));
  for (const line of wrong) console.error(line);
  process.exit(wrong.length > 0 ? 1 : 0);
}
