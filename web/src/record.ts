import { instantiate as load, type Instance, type Source } from '../../wasm_exec.js';

// The bundle uses this file instead of the loader (build.go), so all messages between the page and
// the module pass here. They stay in this page's memory, because they contain tokens.
export { Trap } from '../../wasm_exec.js';

/** An effect of the module, and its answer. */
export interface Exchange {
  asked?: string;
  answered?: string;
  /** It came from a command that the page gives by itself all the time. */
  quiet?: boolean;
}

/** The most characters that are kept of a visit. Later messages are not recorded. */
const MOST = 4_000_000;
/** The most effects whose messages are kept for a click. */
const SHOWN = 600;

/** A conversation in the format of core/contract/README.md, without its first line. */
export type Conversation = string[];

const conversations: Conversation[] = [];
const exchanges = new Map<string, Exchange>();
let length = 0;
let cut = false;

/** The conversations of this page so far, and whether it was too long to keep all of it. */
export const recorded = (): { conversations: Conversation[]; cut: boolean } => ({ conversations, cut });

/** The messages of an effect or, by `command ID`, of a command. */
export const exchangeOf = (id: string): Exchange | undefined => exchanges.get(id);

/**
 * Commands that the page gives so often, or only on behalf of another command, that they would hide
 * the rest.
 */
const QUIET = /^(status|look|matches|answered|cancel|device_wait)$/;

/** Whether a command is one of those. */
export const isQuiet = (command: string | undefined): boolean => QUIET.test(command ?? '');

let told: ((id: string, name: string) => void) | undefined;

/** Calls the listener for each command, with the id for {@link exchangeOf} and its name. */
export const hearCommands = (listener: typeof told): void => {
  told = listener;
};

const keep = (id: string, what: Exchange) => {
  exchanges.set(id, { ...exchanges.get(id), ...what });
  for (const oldest of exchanges.keys()) {
    if (exchanges.size <= SHOWN) break;
    exchanges.delete(oldest);
  }
};

const ID = /^\{"(?:id|answer)":"([^"]+)"/;
const COMMAND = /"command":"([a-z_]+)","id":(\d+)/;
const RESULT = /^\{"id":"[^"]+","kind":"result","command":(\d+)/;

/** Makes an instance whose conversations are recorded, one for each handle. */
export const instantiate = async (source: Source | PromiseLike<Source>): Promise<Instance> => {
  const instance = await load(source);
  const own = new Map<number, Conversation>();
  /** Only whole turns are kept: a conversation that ends within one would not replay. */
  let recording = true;
  /** The turn belongs to a quiet command, or to its effects. */
  let quiet = false;
  const add = (handle: number, ...lines: string[]) => {
    const conversation = own.get(handle);
    if (!conversation || !recording) return;
    for (const line of lines) length += line.length;
    conversation.push(...lines);
  };
  const begin = () => {
    if (length < MOST) return;
    recording = false;
    cut = true;
  };
  return {
    module: instance.module,
    get memoryBytes() {
      return instance.memoryBytes;
    },
    open(text) {
      const handle = instance.open(text);
      begin();
      if (!recording) return handle;
      const conversation: Conversation = [];
      own.set(handle, conversation);
      conversations.push(conversation);
      add(handle, 'open ' + text, handle ? '= 1' : '= 0');
      return handle;
    },
    input(handle, text) {
      begin();
      const code = instance.input(handle, text);
      add(handle, '> ' + text, ...(code ? ['= ' + code] : []));
      const answer = ID.exec(text)?.[1];
      const [, name, id] = (!answer && COMMAND.exec(text)) || [];
      quiet = answer ? !!exchanges.get(answer)?.quiet : isQuiet(name);
      if (answer) keep(answer, { answered: text });
      if (id) {
        exchanges.delete('command ' + id); // from an earlier instance
        keep('command ' + id, { asked: text });
        told?.('command ' + id, name!);
      }
      return code;
    },
    effect(handle) {
      const text = instance.effect(handle);
      if (text === null) return text;
      add(handle, '< ' + text);
      const id = ID.exec(text)?.[1];
      if (id) keep(id, { asked: text, quiet });
      const command = RESULT.exec(text)?.[1];
      if (command) keep('command ' + command, { answered: text });
      return text;
    },
    close(handle) {
      instance.close(handle);
      add(handle, 'close');
    },
  };
};
