import { ratio } from './figures.mjs';

/** Three significant digits, with separators. */
export const short = (n) => {
  const digits = n === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(n))));
  return n.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: 0 });
};

const exact = (n, unit) => (unit === 'bytes' ? n.toLocaleString('en') : short(n));
const spread = ({ median, least, most }) => (least === most ? `${short(median)}` : `${short(median)} [${short(least)}-${short(most)}]`);

const wrap = (text, width, indent) => {
  const lines = [''];
  for (const word of text.split(' ')) {
    if ((lines.at(-1) + ' ' + word).length > width) lines.push('');
    lines[lines.length - 1] += (lines.at(-1) && ' ') + word;
  }
  return lines.join(`\n${indent}`);
};

/** The row as text. Ratios are ours to each contender's, so more is always better for us. */
export const show = ({ id, title, how, figures, aims, notes = [] }) => {
  const out = [`\n${id}. ${title}`, `   ${wrap(how, 150, '   ')}`];
  const said = new Set();
  for (const group of new Set(figures.map((f) => f.group))) {
    const own = figures.filter((f) => f.group === group);
    const ours = own.find((f) => f.contender.startsWith('oauth2-wasm'));
    const width = Math.max(...own.map((f) => f.contender.length)) + 2;
    out.push(`\n   ${group} (${own[0].unit}, ${own[0].better} is better)`);
    for (const f of own) {
      const comparable = ours && f !== ours && !f.floor && f.rounds.length === ours.rounds.length;
      const times = comparable ? `we: ${spread(ratio(ours.rounds, f.rounds, f.better === 'less'))} times` : '';
      out.push(`     ${f.contender.padEnd(width)}${(f.least === f.most ? exact(f.median, f.unit) : spread(f)).padEnd(32)}${times}`.trimEnd());
    }
    for (const f of own) {
      if (!f.does || said.has(f.contender + f.does)) continue;
      said.add(f.contender + f.does);
      out.push(`       ${wrap(`${f.contender}: ${f.does}`, 146, '         ')}`);
    }
  }
  for (const note of notes) out.push(`   ${wrap(note, 150, '   ')}`);
  for (const { aim, measured, met } of aims) out.push(`   ${met ? 'met   ' : 'MISSED'}  ${aim}: ${measured}`);
  return out.join('\n');
};

/** An aim about a ratio of ours to another's. */
export const atLeast = (aim, figures, group, contender, least) => {
  const own = figures.filter((f) => f.group === group);
  const ours = own.find((f) => f.contender.startsWith('oauth2-wasm'));
  const other = own.find((f) => f.contender === contender);
  const times = ratio(ours.rounds, other.rounds, ours.better === 'less');
  return { aim, measured: `${spread(times)} times`, value: times.median, met: times.median >= least };
};

/** An aim about a figure of ours. */
export const atMost = (aim, f, most) => ({ aim, measured: `${exact(f.median, f.unit)} ${f.unit}`, value: f.median, met: f.median <= most });
