// The Markdown that this folder needs: headings, their anchors, sections, code.

/** The anchor of a heading, as on GitHub and on the site (config.mjs). */
export const slug = (heading) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

/** Each line, and whether it is code. */
const lines = (text) => {
  let fence = '';
  return text.split('\n').map((line) => {
    const mark = /^\s*(```+)/.exec(line)?.[1];
    const code = fence !== '' || mark !== undefined;
    if (mark && fence === '') fence = mark;
    else if (mark && line.trim() === fence) fence = '';
    return { line, code };
  });
};

/** The text with its prose, outside of code blocks, changed by `change`. */
export const mapProse = (text, change) =>
  text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part, i) => (i % 2 ? part : change(part)))
    .join('');

/** The headings of a text: level, text, anchor, line. */
export const headings = (text) => {
  const seen = new Map();
  return lines(text).flatMap(({ line, code }, at) => {
    const match = code ? null : /^(#+) (.*)$/.exec(line);
    if (!match) return [];
    const name = slug(match[2]);
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return [{ level: match[1].length, text: match[2], slug: count ? `${name}-${count}` : name, at }];
  });
};

export const slugs = (text) => new Set(headings(text).map((one) => one.slug));

/** The section with that anchor: its heading, and all until the next of its level or above. */
export const sectionOf = (text, name, file) => {
  const all = headings(text);
  const at = all.findIndex((one) => one.slug === name);
  if (at < 0) throw new Error(`${file}: no section ${name}`);
  const end = all.slice(at + 1).find((one) => one.level <= all[at].level);
  return text.split('\n').slice(all[at].at, end?.at).join('\n').trimEnd() + '\n';
};

/** The blocks of code of a text: language, text, first line (from 1). */
export const blocks = (text) => {
  const found = [];
  for (const match of text.matchAll(/^```([\w-]*)[^\n]*\n([\s\S]*?)^```$/gm)) {
    found.push({ language: match[1], text: match[2], line: text.slice(0, match.index).split('\n').length });
  }
  return found;
};
