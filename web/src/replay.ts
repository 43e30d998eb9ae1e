import { type Instance, instantiate } from '../../wasm_exec.js';

/** A recorded conversation: core/contract/README.md has the format. */
export interface Transcript {
  name: string;
  text: string;
}

/**
 * The result of replaying many transcripts. The digest is over all effects, each with a line feed
 * behind it.
 */
export interface Result {
  conversations: number;
  inputs: number;
  effects: number;
  /** The conversations that differ from the recording. */
  differ: string[];
  /** SHA-256, hexadecimal. */
  digest: string;
  /** In milliseconds. */
  ms: number;
}

/** A line of a conversation, and whether the module gave the same this time. */
export interface Step {
  /** `open`, `>`, `<`, `=`, `@` or `close`. */
  verb: string;
  text: string;
  /** What the module gave instead, if it differs. */
  instead?: string;
}

const split = (line: string): [verb: string, text: string] => {
  const end = line.indexOf(' ');
  return end < 0 ? [line, ''] : [line.slice(0, end), line.slice(end + 1)];
};

/** Replays a conversation. Further output of the module also counts as a difference. */
export const replay = (instance: Instance, text: string, heard: (effect: string) => void = () => {}): Step[] => {
  let handle = 0;
  let code: number | undefined;
  let opened = false;
  const steps: Step[] = [];
  const compare = (verb: string, text: string, got: string) => steps.push(got === text ? { verb, text } : { verb, text, instead: got });
  /**
   * Checks before the next call that all effects were read, and that the last input was accepted.
   */
  const settle = () => {
    if (code) compare('=', '0', String(code));
    code = undefined;
    const more = opened ? instance.effect(handle) : null;
    if (more !== null) compare('<', '', more);
  };
  for (const line of text.split('\n').slice(1)) {
    if (line === '' || line.startsWith('#')) continue;
    const [verb, rest] = split(line);
    switch (verb) {
      case 'open':
        settle();
        handle = instance.open(rest);
        opened = true;
        steps.push({ verb, text: rest });
        break;
      case '>':
        settle();
        code = instance.input(handle, rest);
        steps.push({ verb, text: rest });
        break;
      case '=':
        compare(verb, rest, String(code ?? handle));
        code = undefined;
        break;
      case '<': {
        const got = instance.effect(handle) ?? '';
        heard(got);
        compare(verb, rest, got);
        break;
      }
      case '@':
        settle();
        handle = Number(rest);
        break;
      case 'close':
        settle();
        instance.close(handle);
        opened = false;
        steps.push({ verb, text: rest });
        break;
      default:
        throw new SyntaxError('a line begins with none of: open, >, <, =, @, close');
    }
  }
  settle();
  return steps;
};

const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Replays many conversations, each on its own instance.
 *
 * @param rest is called between two of them, so that a page can do other work
 */
const replayAll = async (module: WebAssembly.Module, transcripts: Transcript[], rest: (done: number) => Promise<void> | void): Promise<Result> => {
  const began = performance.now();
  const effects: string[] = [];
  const differ: string[] = [];
  let inputs = 0;
  for (const [n, { name, text }] of transcripts.entries()) {
    const steps = replay(await instantiate(module), text, (effect) => effects.push(effect, '\n'));
    inputs += steps.filter(({ verb }) => verb === '>').length;
    if (steps.some(({ instead }) => instead !== undefined)) differ.push(name);
    await rest(n + 1);
  }
  const bytes = await new Blob(effects).arrayBuffer();
  return {
    conversations: transcripts.length,
    inputs,
    effects: effects.length / 2,
    differ,
    digest: hex(await crypto.subtle.digest('SHA-256', bytes)),
    ms: Math.round(performance.now() - began),
  };
};

/** The recorded conversations, by suite: the kinds of session that core/contract has. */
export type Suites = Record<'client' | 'bff' | 'resource', Transcript[]>;

export type SuiteName = 'page' | keyof Suites;

const get = async (path: string) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: HTTP status ${response.status}`);
  return response;
};

/** Compiles a module from its bytes, because not every file server sends the right content type. */
export const moduleAt = async (path: string): Promise<WebAssembly.Module> => WebAssembly.compile(await (await get(path)).arrayBuffer());

/** Loads the data for the replay. */
export const loadSuites = async (): Promise<{ suites: Suites; page: WebAssembly.Module; all: WebAssembly.Module }> => {
  const [suites, page, all] = await Promise.all([
    get('transcripts.json').then((response) => response.json() as Promise<Suites>),
    moduleAt('oauth2.wasm'),
    moduleAt('oauth2-edge.wasm'),
  ]);
  return { suites, page, all };
};

/** The conversations that the pages' module can replay. */
const ofPages = (transcripts: Transcript[]): Transcript[] => transcripts.filter(({ text }) => /^[^\n]*"profile":"page"/.test(text));

/** Replays all suites, and reports each result when it is there. */
export const replaySuites = async (
  { suites, page, all }: Awaited<ReturnType<typeof loadSuites>>,
  rest: (suite: SuiteName, done: number, total: number) => Promise<void> | void,
): Promise<Record<SuiteName, Result>> => {
  const run = (name: SuiteName, module: WebAssembly.Module, transcripts: Transcript[]) =>
    replayAll(module, transcripts, (done) => rest(name, done, transcripts.length));
  return {
    page: await run('page', page, ofPages(suites.client)),
    client: await run('client', all, suites.client),
    bff: await run('bff', all, suites.bff),
    resource: await run('resource', all, suites.resource),
  };
};
