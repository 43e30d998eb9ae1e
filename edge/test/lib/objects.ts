// Lets a test speak with Durable Objects of the Worker, and look into one: POST /KEY with a question, GET /KEY.
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
  fetch(request: Request, { SESSIONS }: { SESSIONS: DurableObjectNamespace }): Promise<Response> {
    const { pathname } = new URL(request.url);
    return SESSIONS.get(SESSIONS.idFromName(pathname)).fetch(request.url, request);
  },
};
