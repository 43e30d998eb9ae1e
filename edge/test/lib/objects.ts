// Lets a test use the Worker's Durable Objects and look into one: POST /KEY with a question, GET
// /KEY. A request with x-gives-up stops waiting after that many ms; one with x-leaves ends without
// waiting.
import { Sessions } from '../../worker/object.js';

export class Inspected extends Sessions {
  #state: DurableObjectState;

  constructor(state: DurableObjectState) {
    super(state);
    this.#state = state;
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.method === 'POST') return super.fetch(request);
    const { storage } = this.#state;
    return Response.json({ keys: [...(await storage.list()).keys()], alarm: await storage.getAlarm() });
  }
}

export { Inspected as Sessions };

export default {
  async fetch({ url, method, headers, body }: Request, { SESSIONS }: { SESSIONS: DurableObjectNamespace }): Promise<Response> {
    const { pathname } = new URL(url);
    const impatient = new AbortController();
    const asked = SESSIONS.get(SESSIONS.idFromName(pathname)).fetch(url, { method, body, signal: impatient.signal });
    const end = Number(headers.get('x-gives-up') ?? headers.get('x-leaves'));
    if (!end) return asked;
    asked.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, end));
    if (headers.has('x-gives-up')) impatient.abort();
    return Response.json({ gone: true });
  },
};
