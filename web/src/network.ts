import { showFetch } from './lanes.js';

/** Carries out a request, or disturbs it. */
export type Weather = (send: () => Promise<Response>, url: string) => Promise<Response>;

const fair: Weather = (send) => send();

let weather = fair;

/** The server acts, and its answer never arrives. */
export const lost: Weather = async (send) => {
  await send();
  throw new TypeError('the answer was lost on the way');
};

/** Nothing is sent. */
export const cut: Weather = async () => {
  throw new TypeError('the network is cut');
};

/** Everything takes this long, in milliseconds. */
export const slow =
  (ms: number): Weather =>
  async (send) => {
    const answer = await send();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return answer;
  };

/** Changes what happens to requests while `work` lasts. */
export const during = async <T>(spoil: Weather, work: () => Promise<T>): Promise<T> => {
  weather = spoil;
  try {
    return await work();
  } finally {
    weather = fair;
  }
};

/**
 * The page's way to the network. The lanes show the module's requests as effects; the page's own
 * requests with a token are added.
 */
export const through: typeof fetch = (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  const answer = weather(() => fetch(input, init), url);
  if (input instanceof Request) void showFetch(input.method, url.replace(/[?#].*/s, ''), answer);
  return answer;
};
