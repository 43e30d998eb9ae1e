// Replays transcripts through the loader: the same inputs must give the same effects, byte for
// byte. core/contract/README.md has the format. Web-standard JavaScript, for every host.

import { tally } from './tally.js';

/** The first difference of two texts, with its context. */
const difference = (got, want) => {
  let at = 0;
  while (got[at] === want[at]) at++;
  const around = (text) => JSON.stringify(text.slice(Math.max(at - 30, 0), at + 60));
  return `effect differs at ${at}: got ${around(got)}, want ${around(want)}`;
};

/** The state of a replay. */
class Player {
  #instance;
  #effects;
  #handle = 0;
  #opened = false;
  /** The code of the last input, until it is compared. */
  #code;

  /** @param {string[]} effects gets every effect, each followed by a line feed */
  constructor(instance, effects) {
    this.#instance = instance;
    this.#effects = effects;
  }

  async step(verb, rest) {
    switch (verb) {
      case 'open':
        await this.settled();
        this.#handle = await this.#instance.open(rest);
        this.#opened = true;
        return;
      case '=': {
        const got = this.#code ?? this.#handle;
        this.#code = undefined;
        if (got !== Number(rest)) throw new Error(`gave ${got}, not ${rest}`);
        return;
      }
      case '>':
        await this.settled();
        this.#code = await this.#instance.input(this.#handle, rest);
        return;
      case '<': {
        this.#taken();
        const got = await this.#instance.effect(this.#handle);
        this.#effects.push(got ?? '', '\n');
        if (got !== rest) throw new Error(difference(String(got), rest));
        return;
      }
      case '@':
        await this.settled();
        this.#handle = Number(rest);
        return;
      case 'close':
        await this.settled();
        await this.#instance.close(this.#handle);
        this.#opened = false;
        return;
    }
    throw new Error(`unknown line ${verb}`);
  }

  /** Checks that an input without a code in the transcript was accepted. */
  #taken() {
    if (this.#code) throw new Error(`input gave ${this.#code}, not 0`);
    this.#code = undefined;
  }

  /** Checks before the next call that all effects were read. */
  async settled() {
    this.#taken();
    const more = this.#opened && (await this.#instance.effect(this.#handle));
    if (more) throw new Error(`an effect too many: ${more}`);
  }
}

const digest = async (parts) => {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(parts.join('')));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
};

/**
 * Besides the tally it returns the number of inputs and effects, and the SHA-256 over all effects,
 * which the demo's proof shows for each host.
 *
 * @param {(module: WebAssembly.Module) => Promise<object>} instantiate the loader's, or another one
 * whose functions may return promises
 * @param {WebAssembly.Module} module
 * @param {{name: string, text: string}[]} transcripts
 */
export const runTranscripts = async (instantiate, module, transcripts) => {
  const effects = [];
  let inputs = 0;
  const result = await tally(transcripts, async ({ text }) => {
    const player = new Player(await instantiate(module), effects);
    for (const [n, line] of text.split('\n').entries()) {
      if (n === 0 || line === '' || line.startsWith('#')) continue;
      const end = line.indexOf(' ');
      if (line.startsWith('> ')) inputs++;
      try {
        await player.step(end < 0 ? line : line.slice(0, end), end < 0 ? '' : line.slice(end + 1));
      } catch (error) {
        throw new Error(`line ${n + 1}: ${error.message}`, { cause: error });
      }
    }
    await player.settled();
  });
  return { ...result, inputs, effects: effects.length / 2, digest: await digest(effects) };
};
