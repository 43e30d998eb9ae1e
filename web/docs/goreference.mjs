// A page for each Go package, from the output of `go doc -all`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages for users of the project, without those that only hosts and tests use. */
export const packages = [
  'core',
  'core/oauth',
  'core/oauth/backend',
  'core/oauth/guard',
  'core/oauth/redirect',
  'core/oauth/presets',
  'core/oauth/xoauth2',
  'core/oauth/store/filestore',
  'core/oauth/store/sqlitestore',
  'core/oauth/store/redisstore',
  'core/oauth/store/postgresstore',
  'core/oauth/store/sealedstore',
  'core/oauth/oauthtest',
  'core/authserver',
  'wasm',
];

/** Text of a doc comment as Markdown: indented text is code, and `#` begins a heading. */
const prose = (lines) => {
  const text = [];
  let code = false;
  for (const line of lines) {
    const indented = /^(\t| {4})/.test(line);
    if (indented !== code && line !== '') {
      text.push('```text'.slice(0, indented ? undefined : 3));
      code = indented;
    }
    text.push(code ? line.replace(/^(\t| {4})/, '') : line.replace(/^# /, '#### ').replace(/[[\]<>*]/g, '\\$&'));
  }
  if (code) text.push('```');
  return text.join('\n').replace(/\n+```(?=\n|$)/g, '\n```\n');
};

/** The name that a line in column 0 declares. */
const named = (line) => /^(?:func (?:\([^)]*\) )?|type |var |const )(\w+)/.exec(line)?.[1];

/** The output of `go doc -all` as Markdown. */
export const pageOf = (path, output) => {
  const lines = output.split('\n');
  const first = lines.findIndex((line) => /^(CONSTANTS|VARIABLES|FUNCTIONS|TYPES)$/.test(line));
  const about = lines.slice(1, first < 0 ? undefined : first);
  const text = [`# ${path}`, '', '```go', `import "github.com/oauth2-wasm/oauth2-wasm/${path}"`, '```', prose(about), ''];
  let declaration = [];
  let doc = [];
  const flush = () => {
    while (declaration.at(-1) === '') declaration.pop();
    if (declaration.length > 0) {
      const method = /^func \(\w* ?\*?(\w+)\S*\) (\w+)/.exec(declaration[0]);
      const name = method ? `${method[1]}.${method[2]}` : named(declaration[0]);
      if (name) text.push('', `### ${name}`, '');
      text.push('', '```go', ...declaration, '```', '', prose(doc));
    }
    declaration = [];
    doc = [];
  };
  // A declaration ends at its closing bracket in column 0. Lines indented by four blanks are its
  // doc, and lines indented by a tab are inside of it.
  let open = false;
  for (const line of lines.slice(first < 0 ? lines.length : first)) {
    if (/^(CONSTANTS|VARIABLES|FUNCTIONS|TYPES)$/.test(line)) {
      flush();
      text.push('', `## ${line[0]}${line.slice(1).toLowerCase()}`, '');
    } else if (open) {
      declaration.push(line);
      open = !/^[})]/.test(line);
    } else if (/^\S/.test(line)) {
      if (doc.length > 0 || declaration.length === 0 || declaration.at(-1) === '') flush();
      declaration.push(line);
      open = /[{(]$/.test(line);
    } else if (line.startsWith('    ')) {
      doc.push(line.slice(4));
    } else if (doc.length > 0) {
      doc.push('');
    } else {
      declaration.push('');
    }
  }
  flush();
  return text.join('\n') + '\n';
};

/** Writes the pages into a folder. */
export const goReference = (root, folder) => {
  mkdirSync(folder, { recursive: true });
  const names = packages.map((path) => {
    const output = execFileSync('go', ['doc', '-all', `./${path}`], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
    const name = path.replaceAll('/', '-');
    writeFileSync(join(folder, `${name}.md`), pageOf(path, output));
    return { path, name, about: execFileSync('go', ['list', '-f', '{{.Doc}}', `./${path}`], { cwd: root, encoding: 'utf8' }).trim() };
  });
  const row = ({ path, name, about }) => `| [${path}](./${name}.md) | ${about.replace(/[|<>[\]]/g, '\\$&')} |`;
  writeFileSync(
    join(folder, 'index.md'),
    `# Go packages\n\nWhat \`go doc -all\` says of each.\n\n| package | |\n| --- | --- |\n${names.map(row).join('\n')}\n`,
  );
};
