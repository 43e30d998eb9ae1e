// A minimal browser: it keeps cookies, follows nothing by itself, and sends exactly what a test
// demands, including malformed paths.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';

/** An answer, with helpers for tests. */
class Answer {
  constructor({ statusCode, rawHeaders }, body) {
    this.status = statusCode;
    this.headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), rawHeaders[i + 1]]]));
    this.body = body;
  }

  get text() {
    return this.body.toString();
  }

  get json() {
    return JSON.parse(this.text);
  }

  header(name) {
    return this.headers.find(([other]) => other === name)?.[1];
  }

  get cookies() {
    return this.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
  }

  get location() {
    return this.header('location');
  }
}

/** Sends a request on its own connection. `to` may be a path that a URL parser would change. */
export const send = (origin, to, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const { host, port } = new URL(origin);
    const outgoing = request({ host: '127.0.0.1', port, path: to, method, headers: { host, ...headers }, agent: false }, (incoming) => {
      const parts = [];
      incoming.on('data', (part) => parts.push(part));
      incoming.on('error', reject);
      incoming.on('end', () => resolve(new Answer(incoming, Buffer.concat(parts))));
    });
    outgoing.on('error', reject);
    if (body?.pipe) body.pipe(outgoing);
    else outgoing.end(body);
  });

/**
 * A connection on which a test writes anything. `said` is the received text; `over` settles with it
 * when the other side has ended or reset the connection.
 */
export const dial = async (origin) => {
  const { port } = new URL(origin);
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect');
  const line = { socket, said: '' };
  socket.setEncoding('latin1').on('data', (part) => (line.said += part));
  line.over = new Promise((resolve) => {
    const end = () => resolve(line.said);
    socket.on('error', end).on('end', end).on('close', end);
  });
  return line;
};

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' };
const plain = (text) => text.replace(/&([^;]+);/g, (all, name) => entities[name] ?? all);
const attribute = (tag, name) => plain(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');

/** The input of a user who agrees, for the pages of both authorization servers. */
const typed = { username: 'alice', password: 'alice', login: 'alice' };
const pressed = ['sign-in', 'approve', 'sign-out', 'yes'];

/** A page's form, filled in by that user. */
const fill = (page) => {
  const form = new URLSearchParams();
  for (const [tag] of page.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const [name, value] = [attribute(tag, 'name'), attribute(tag, 'value')];
    if (name && (tag.startsWith('<input') || pressed.includes(value))) form.set(name, typed[name] ?? value);
  }
  return form;
};

export class Visitor {
  /** Cookies by origin. */
  jars = new Map();

  /** @param {string} url origin of the backend */
  constructor(url) {
    this.url = url;
  }

  jar(origin = this.url) {
    if (!this.jars.has(origin)) this.jars.set(origin, new Map());
    return this.jars.get(origin);
  }

  /** The same cookies, in another browser. */
  copy() {
    const other = new Visitor(this.url);
    for (const [origin, jar] of this.jars) other.jars.set(origin, new Map(jar));
    return other;
  }

  async send(to, { origin = this.url, headers, ...init } = {}) {
    const jar = this.jar(origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await send(origin, to, { ...init, headers: { ...(cookie && { cookie }), ...headers } });
    for (const line of answer.cookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (!value || /;\s*max-age=0\b/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  /** A request of a page. */
  call(to, { headers, ...init } = {}) {
    return this.send(to, { ...init, headers: { 'x-csrf': '1', origin: this.url, ...headers } });
  }

  /** The head of a page's request as text, with these further lines. */
  head(method, to, ...lines) {
    const cookie = [...this.jar()].map((pair) => pair.join('=')).join('; ');
    const own = [`host: ${new URL(this.url).host}`, 'x-csrf: 1', `origin: ${this.url}`, ...(cookie ? [`cookie: ${cookie}`] : [])];
    return [`${method} ${to} HTTP/1.1`, ...own, ...lines, '', ''].join('\r\n');
  }

  /**
   * Goes through the pages of another server, and agrees, until one leads to the backend. Returns
   * the URL, with the form if one is posted there, or else the last page.
   */
  async agree(to) {
    for (let pages = 0; pages < 20; pages += 1) {
      let at = new URL(to);
      let answer = await this.send(at.pathname + at.search, { origin: at.origin });
      for (let steps = 0; !answer.location; steps += 1) {
        const action = /<form[^>]*>/.exec(answer.text)?.[0];
        const form = fill(answer.text);
        at = new URL((action && attribute(action, 'action')) || at.href, at);
        if (action && at.origin === this.url) return { url: at.href, form };
        // The page after a sent form is the last one, unless it leads to the backend.
        if (!action || steps) return { page: answer };
        const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: at.origin };
        answer = await this.send(at.pathname + at.search, { origin: at.origin, method: 'POST', headers, body: String(form) });
      }
      to = new URL(answer.location, at).href;
      if (to.startsWith(this.url)) return { url: to };
    }
    throw new Error('no end of pages');
  }

  /** Begins to sign in. Returns the path of the callback that would finish it. */
  async begin(query = '') {
    const answer = await this.send(`/auth/login${query}`);
    if (answer.status !== 303) throw new Error(`login: ${answer.status} ${answer.text}`);
    const { url, page } = await this.agree(answer.location);
    if (!url) throw new Error(`no way back: ${page.status} ${page.text}`);
    return url.slice(this.url.length);
  }

  /** Posts the form of a callback, as a page of the authorization server does. */
  post({ url, form }) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(form).length };
    return this.send(url.slice(this.url.length), { method: 'POST', headers, body: String(form) });
  }

  /** Signs in, and returns the last answer. */
  async signIn(query) {
    const answer = await this.send(await this.begin(query));
    if (!answer.cookies.some((line) => line.startsWith('__Host-oauth2='))) throw new Error(`callback: ${answer.status} ${answer.location} ${answer.text}`);
    return answer;
  }

  session() {
    return this.call('/auth/session');
  }
}
