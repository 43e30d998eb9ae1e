// The servers behind stores, started for a test: Redis, PostgreSQL, PgBouncer, and a network
// that loses answers.
import { startGo } from './process.mjs';

const ask = async (url) => {
  const response = await fetch(url);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${url}: ${answer.error}`);
  return answer;
};

/** A running server. */
class Server {
  /** @param {string} base @param {{id: number, addrs: string[]}} started */
  constructor(base, { id, addrs }) {
    this.base = base;
    this.id = id;
    this.addrs = addrs;
    this.addr = addrs[0];
    [this.host, this.port] = [this.addr.split(':')[0], Number(this.addr.split(':')[1])];
  }

  #tell = (what, more = '') => ask(`${this.base}/${what}?id=${this.id}${more}`);
  /** Ends it like a killed process. */
  kill = () => this.#tell('kill');
  /** Starts it again, at the same address. */
  start = () => this.#tell('start');
  /** Makes a proxy lose one of `every` answers; 0: none. */
  lose = (every) => this.#tell('lose', `&every=${every}`);
  /** The number of lost answers. */
  lost = async () => (await this.#tell('lost')).lost;
}

/** Starts servers, and ends them all. */
export const servers = async () => {
  const { match, stop } = await startGo('storeserver', './core/oauth/internal/storeserver', []);
  const base = match[1];
  const { missing } = await ask(`${base}/missing`);
  if (missing) {
    await stop();
    throw new Error(`${missing} is not installed; make setup installs it`);
  }
  return { stop, start: async (kind, of) => new Server(base, await ask(`${base}/new?kind=${kind}${of ? `&of=${of.id}` : ''}`)) };
};
