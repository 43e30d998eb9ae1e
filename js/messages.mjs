// Writes src/messages.ts: the messages between module and host, from core/contract/schema.json.
import { readFile, writeFile } from 'node:fs/promises';

const url = (path) => new URL(path, import.meta.url);
const { $defs: parts } = JSON.parse(await readFile(url('../core/contract/schema.json'), 'utf8'));

/** A part with its own name in the types. */
const named = (name) => name[0].toUpperCase() + name.slice(1);

const typeOf = (schema, loose) => {
  const { $ref, const: constant, enum: values, type, items, maxItems, properties, additionalProperties: others, oneOf } = schema;
  if ($ref) return named($ref.split('/').pop());
  if (constant !== undefined) return JSON.stringify(constant);
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (type === 'array') return maxItems ? `[${Array(maxItems).fill(typeOf(items)).join(', ')}]` : `${wrapped(typeOf(items, loose))}[]`;
  if (properties) return objectOf(schema);
  // Alternatives that are types. Those that only say what is required are left to the schema.
  if (oneOf?.every(({ type }) => type)) return oneOf.map((one) => typeOf(one)).join(' | ');
  if (type === 'integer') return 'number';
  if (others) return `Record<string, ${typeOf(others)}>`;
  return type === 'object' ? (loose ? 'object' : 'Record<string, unknown>') : type;
};

const wrapped = (text) => (/[ |]/.test(text) ? `(${text})` : text);

/** `loose`: optional members may also be `undefined`. */
const objectOf = ({ properties, required = [] }, loose = '') =>
  `{ ${Object.entries(properties)
    .map(([name, schema]) => `${JSON.stringify(name)}${required.includes(name) ? `: ${typeOf(schema, loose)}` : `?: ${typeOf(schema, loose)}${loose}`}`)
    .join('; ')} }`;

/** An interface with a member for each entry. */
const listing = (name, about, entries) =>
  `/** ${about} */\nexport interface ${name} {\n${entries.map(([key, type]) => `  ${JSON.stringify(key)}: ${type};\n`).join('')}}\n`;

const members = (part, type = (schema) => typeOf(schema)) => Object.entries(parts[part]).map(([name, schema]) => [name, type(schema)]);

const effects = parts.effect.oneOf.map((schema) => {
  const { const: kind } = schema.properties.kind;
  return [kind, kind === 'event' ? "{ [E in keyof Events]: { id: string; kind: 'event'; event: E } & Events[E] }[keyof Events]" : objectOf(schema)];
});

const text = [
  '// Generated from core/contract/schema.json by messages.mjs.\n',
  ...['error', 'body', 'pairs', 'status', 'device', 'session', 'token', 'challenge', 'reason', 'outcome', 'content', 'jwk', 'claims'].map(
    (name) => `export type ${named(name)} = ${typeOf(parts[name])};\n`,
  ),
  listing(
    'Commands',
    'The commands: what each takes, and the `ok` of its result.',
    members('commands', ({ parameters, ok }) => `{ parameters: ${objectOf(parameters, ' | undefined')}; ok: ${typeOf(ok)} }`),
  ),
  listing('Effects', 'The effects, by kind.', effects),
  listing('Answers', 'What effects are answered, by their kind.', members('answers')),
  listing('Events', 'The events, by name.', members('events')),
].join('\n');

// The file is not touched if nothing changed, because a test may be reading it.
const file = url('src/messages.ts');
if ((await readFile(file, 'utf8').catch(() => '')) !== text) await writeFile(file, text);
