import { instantiate } from '../../wasm_exec.js';
import type { Conversation } from './record.js';
import { withoutSecrets } from './strike.js';

/** A visit cannot be made shareable; the message says why, for the person who asked. */
export class NotShareable extends Error {}

const letters = 'abcdefghijklmnopqrstuvwxyz';

const draw = (from: string): string => from[crypto.getRandomValues(new Uint32Array(1))[0]! % from.length]!;

/**
 * A meaningless text of the same form: other letters, other digits. The last character of a long
 * text stays, because base64url does not allow every character there.
 */
const standIn = (secret: string): string => {
  const end = secret.length >= 20 ? secret.length - 1 : secret.length;
  const other = secret
    .slice(0, end)
    .replace(/[a-z]|[A-Z]|\d/g, (c) => (/\d/.test(c) ? draw('0123456789') : /[a-z]/.test(c) ? draw(letters) : draw(letters.toUpperCase())));
  return other + secret.slice(end);
};

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const unbase64url = (text: string): Uint8Array => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const entropy = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Claims about the server and the client, and those whose values come from a list. */
const PUBLIC = /^(iss|aud|azp|acr|amr|typ|events)$/;
const JWT = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+/g;
const ACCESS = /\\?"access_token\\?":\\?"([^"\\]+)/g;

/** The hash in a claim such as `at_hash` (OpenID Connect Core section 3.1.3.6). */
const half = async (text: string, alg: string): Promise<string> => {
  const bits = /(256|384)$/.exec(alg)?.[1] ?? '512';
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-' + bits, new TextEncoder().encode(text)));
  return base64url(sum.slice(0, sum.length / 2));
};

/** The stand-ins for secrets in one conversation. */
class StandIns {
  #of = new Map<string, string>();
  /** By the ids of the recorded effects. */
  #ids = new Map<string, { id: string; text: string }>();

  /**
   * The secrets that must be gone, if they are long enough to be distinguished from other words.
   */
  get secrets(): string[] {
    return [...this.#of].filter(([old, other]) => old.length >= 16 && old !== other).map(([old]) => old);
  }

  put = (secret: string, name: string): string => {
    if (name === 'entropy') return entropy();
    let other = this.#of.get(secret);
    // The name of a key contains its algorithm, and a grant the time when it began.
    if (other === undefined && name === 'dpop_key') return secret;
    if (other === undefined) this.#of.set(secret, (other = secret.replace(/^(\d{13}:)?([^]*)$/, (_, time = '', rest) => time + standIn(rest))));
    return other;
  };

  /** Finds stand-ins for the tokens in a message that depend on each other. */
  async tokens(message: string): Promise<void> {
    const access = [...message.matchAll(ACCESS)].map(([, token]) => token!);
    for (const token of access) if (!/^eyJ/.test(token)) this.put(token, 'access_token');
    for (const [token] of message.matchAll(JWT)) if (!this.#of.has(token)) this.#of.set(token, await this.#jwt(token, access));
  }

  async #jwt(token: string, access: string[]): Promise<string> {
    const [head, body, signature] = token.split('.') as [string, string, string];
    let claims: Record<string, unknown>;
    let alg: string;
    try {
      const read = (part: string) => JSON.parse(new TextDecoder().decode(unbase64url(part)));
      ({ alg = '' } = read(head));
      claims = read(body);
    } catch {
      return standIn(token);
    }
    const text = (value: unknown, name: string): unknown =>
      typeof value === 'string'
        ? this.put(value, name)
        : Array.isArray(value)
          ? value.map((item) => text(item, name))
          : value && typeof value === 'object'
            ? object(value)
            : value;
    const object = (value: object) => Object.fromEntries(Object.entries(value).map(([name, item]) => [name, PUBLIC.test(name) ? item : text(item, name)]));
    // A hash of the access token depends on it.
    for (const old of access)
      if (claims.at_hash === (await half(old, alg))) this.#of.set(claims.at_hash as string, await half(this.put(old, 'access_token'), alg));
    return [head, base64url(new TextEncoder().encode(JSON.stringify(object(claims)))), standIn(signature)].join('.');
  }

  /** A message to the module. */
  input(message: string): string {
    const { answer } = JSON.parse(message) as { answer?: string };
    const asked = answer === undefined ? undefined : this.#ids.get(answer);
    const text = withoutSecrets(message, this.put, asked?.text);
    return asked ? JSON.stringify({ ...JSON.parse(text), answer: asked.id }) : text;
  }

  /** Learns from an effect of both runs the random values that the module drew. */
  learn(before: string, now: string): void {
    const [old, other] = [JSON.parse(before), JSON.parse(now)] as { id: string; kind: string; error?: { code?: string } }[];
    const words = ({ kind, error }: { kind: string; error?: { code?: string } }) => [kind, error?.code].filter(Boolean).join(' ');
    if (words(old!) !== words(other!)) throw new NotShareable(`With other secrets the module answered otherwise: ${words(other!)}, not ${words(old!)}.`);
    this.#ids.set(old!.id, { id: other!.id, text: before });
    this.#differences(old, other);
  }

  #differences(old: unknown, other: unknown): void {
    if (typeof old === 'string' && typeof other === 'string') return this.#texts(old, other);
    if (!old || !other || typeof old !== 'object' || typeof other !== 'object') return;
    for (const [name, value] of Object.entries(old)) this.#differences(value, (other as Record<string, unknown>)[name]);
  }

  #texts(old: string, other: string): void {
    if (old === other) return;
    if (/^[{[]/.test(old) && /^[{[]/.test(other)) {
      try {
        return this.#differences(JSON.parse(old), JSON.parse(other));
      } catch {
        // not JSON after all
      }
    }
    const [queries, others] = [old, other].map((text) => [...new URLSearchParams(text.replace(/^[^?#]*[?#]/, ''))]);
    if (queries!.length > 1 || /[?#].*=/.test(old)) {
      queries!.forEach(([name, value], n) => others![n]?.[0] === name && this.#texts(value!, others![n]![1]!));
      return;
    }
    if (!this.#of.has(old)) this.#of.set(old, other);
  }
}

/** Runs a conversation again, with new entropy and a stand-in for each secret. */
const again = async (module: WebAssembly.Module, conversation: Conversation): Promise<{ lines: string[]; secrets: string[] }> => {
  const instance = await instantiate(module);
  const standIns = new StandIns();
  const lines: string[] = [];
  let handle = 0;
  const asked = (before: string) => {
    const now = instance.effect(handle);
    if (now === null) throw new NotShareable('With other secrets the module had less to say.');
    standIns.learn(before, now);
    lines.push('< ' + now);
  };
  for (const line of conversation) {
    const verb = line.slice(0, (line + ' ').indexOf(' '));
    const text = line.slice(verb.length + 1);
    if (verb === 'open' || verb === '>') {
      if (/^\{[^]*"session":"/.test(text) && verb === 'open')
        throw new NotShareable('The visit begins with a session that was exported, which cannot be told apart from its secrets.');
      await standIns.tokens(text);
      const message = standIns.input(text);
      lines.push(`${verb} ${message}`);
      if (verb === 'open') handle = instance.open(message);
      else if (instance.input(handle, message) && !conversation.some((other) => /^= [1-9]/.test(other)))
        throw new NotShareable('The module did not take a message.');
    } else if (verb === '<') asked(text);
    else lines.push(line);
  }
  return { lines, secrets: standIns.secrets };
};

/**
 * Makes a visit shareable: its conversations are run again with new entropy and a stand-in for each
 * secret, so that they still replay.
 *
 * @returns a transcript of each, without its first line
 * @throws {NotShareable}
 */
export const shareable = async (module: WebAssembly.Module, conversations: Conversation[]): Promise<string[][]> => {
  const made = [];
  for (const conversation of conversations) made.push(await again(module, conversation));
  const whole = made.map(({ lines }) => lines.join('\n')).join('\n');
  for (const { secrets } of made)
    if (secrets.some((secret) => whole.includes(secret))) throw new NotShareable('A secret would still be in it, so nothing is given out.');
  return made.map(({ lines }) => lines);
};

/** One transcript of several conversations, each with its own handle. */
export const transcript = (conversations: string[][], about: string): string =>
  [
    JSON.stringify({ about, covers: [], name: 'Visit', profile: 'page' }),
    ...conversations.flatMap((lines, n) => lines.map((line) => (/^= 1$/.test(line) && lines.indexOf(line) === 1 ? `= ${n + 1}` : line))),
  ].join('\n') + '\n';
