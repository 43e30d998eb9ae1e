import { Failed } from './index.js';
import type { Effects } from './messages.js';
import { builtin } from './node-passage.js';

/** Networks that contain no public address (RFC 6890). */
const FOUR: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
const SIX: [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const load = async () => {
  const [net, dns, http, https, stream] = (await Promise.all(['net', 'dns', 'http', 'https', 'stream'].map(builtin))) as [
    typeof import('node:net'),
    typeof import('node:dns'),
    typeof import('node:http'),
    typeof import('node:https'),
    typeof import('node:stream'),
  ];
  const listed = (list: [string, number][], family: 'ipv4' | 'ipv6') => {
    const block = new net.BlockList();
    for (const [network, bits] of list) block.addSubnet(network, bits, family);
    return block;
  };
  const four = listed(FOUR, 'ipv4');
  const six = listed(SIX, 'ipv6');
  const inside = listed([['2000::', 3]], 'ipv6');
  /**
   * IPv6 networks that contain IPv4 addresses: mapped (RFC 4291 section 2.5.5.2), or translated
   * (RFC 6052 section 2.1).
   */
  const carries = listed(
    [
      ['::ffff:0:0', 96],
      ['64:ff9b::', 96],
    ],
    'ipv6',
  );
  const isPublic = (address: string): boolean => {
    if (net.isIPv4(address)) return !four.check(address, 'ipv4');
    if (!net.isIPv6(address) || address.includes('%')) return false;
    const [high, low] = new URL(`http://[${address}]`).hostname
      .slice(1, -1)
      .split(':')
      .slice(-2)
      .map((group) => parseInt(group || '0', 16)) as [number, number];
    if (carries.check(address, 'ipv6')) return !four.check([high >> 8, high & 255, low >> 8, low & 255].join('.'), 'ipv4');
    return inside.check(address, 'ipv6') && !six.check(address, 'ipv6');
  };
  return { net, dns, http, https, stream, isPublic };
};

let loaded: ReturnType<typeof load> | undefined;

/** Whether an IP address is public: routed everywhere. */
export const isPublicAddress = async (address: string): Promise<boolean> => (await (loaded ??= load())).isPublic(address);

/**
 * A `fetch` for the engine's own requests, which connects only to public addresses. It checks the
 * address at the moment of connecting, so a name server that gives another answer the second time
 * gains nothing.
 */
export const publicFetch: typeof fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const { net, dns, http, https, stream, isPublic } = await (loaded ??= load());
  const denied = () => new Failed('denied', new Error(`${url.hostname} stands for no public address`));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (net.isIP(host) && !isPublic(host)) throw denied();
  const lookup: import('node:net').LookupFunction = (name, options, done) =>
    dns.lookup(name, { ...options, all: true }, (error, all) => {
      const good = (all ?? []).filter(({ address }) => isPublic(address));
      if (error || !good[0]) done(error ?? (denied() as never), []);
      else if (options.all) done(null, good);
      else done(null, good[0].address, good[0].family);
    });
  const { method = 'GET', headers, body, signal } = init ?? {};
  const send = (url.protocol === 'https:' ? https : http).request;
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers: Object.fromEntries(new Headers(headers)), lookup, agent: false, ...(signal && { signal }) }, (answer) => {
      const all = new Headers();
      for (let i = 0; i < answer.rawHeaders.length; i += 2) all.append(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
      const status = answer.statusCode!;
      const empty = method === 'HEAD' || [204, 205, 304].includes(status);
      resolve(new Response(empty ? null : (stream.Readable.toWeb(answer) as unknown as ReadableStream), { status, headers: all }));
    });
    // Runtimes that resolve names by themselves show the address before a secret is sent.
    request.on('socket', (socket) => socket.once('connect', () => socket.remoteAddress && !isPublic(socket.remoteAddress) && request.destroy(denied())));
    request.on('error', reject);
    request.end(body ?? undefined);
  });
};

/** The global `fetch`, except for requests that the engine restricts to public addresses. */
export const guardedFetch = ((input: string, init?: RequestInit, effect?: Effects['http']) =>
  (effect?.public ? publicFetch : fetch)(input, init)) as typeof fetch;
