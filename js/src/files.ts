/**
 * Sessions in a directory, for programs that are started again and again, and for processes that
 * share a session. Files and locks are the same as those of the Go package
 * `core/oauth/store/filestore`, so processes in both languages can use one session.
 *
 * @packageDocumentation
 */
import { named } from './algorithms.js';
import { fileLocks, modules, type Node } from './file-lock.js';
import { ConflictError, type KeyStore, type Locks, type Store } from './index.js';
import { nameOf } from './key-name.js';
import type { CryptoKey, CryptoKeyPair } from './web.js';

/** The options of a client that a directory provides. */
export interface Files {
  /** Sessions. */
  store: Store;
  /** Attempts to sign in: another process may get the callback. */
  pendingStore: Store;
  /** The keys of sessions (RFC 9449). */
  keys: KeyStore;
  /**
   * Held by one process at a time. The system frees a lock when its process ends for any reason.
   */
  locks: Locks;
}

/** With its prefix, a name stays below the 255 bytes that file systems allow. */
const LONGEST = 200;

/**
 * The beginning of every file, before the version, a digest of version and value, a line feed, and
 * the value.
 */
const FORMAT = 'oauth2-wasm 1 ';

const sha256 = ({ crypto }: Node, text: string) => crypto.createHash('sha256').update(text).digest('hex');

/** The part of a file name that identifies a key; it differs for every key. */
const escape = (node: Node, key: string): string => {
  const bytes = new TextEncoder().encode(key);
  let name = '';
  bytes.forEach((byte, i) => {
    const c = String.fromCharCode(byte);
    name += /[a-z0-9_-]/.test(c) || (c === '.' && i < bytes.length - 1) ? c : `%${byte.toString(16).padStart(2, '0')}`;
  });
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 65)}~${sha256(node, key)}` : name;
};

const absent = (error: { code?: string }): undefined => {
  if (error.code !== 'ENOENT') throw error;
};

/**
 * Opens a directory, and creates it if it is missing. Values and keys in it are not encrypted, so
 * only the user may have access to it.
 *
 * A value is written to a new file, flushed to the disk and then renamed, so that a crash
 * leaves the old value or the new one. A truncated or changed file is an error, and is neither used
 * nor overwritten.
 *
 * On Linux it needs the program `flock` of util-linux or BusyBox, which takes the locks; on macOS,
 * the BSDs and Windows opening a file takes the lock. The file system of the directory must support
 * locks among all its users, as local ones do.
 *
 * @param path the directory
 * @throws {Error} if others may read or write it (its mode has to be 0700), or if it cannot be used
 */
export const openFiles = async (path: string): Promise<Files> => {
  const node = await modules();
  const { fs, crypto } = node;
  const folder = node.path.resolve(path);
  const at = (file: string) => node.path.join(folder, file);
  const unfinished = (file: string) => at(`unfinished-${file}`);
  const windows = process.platform === 'win32';

  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const { mode } = await fs.stat(folder);
  if (!windows && mode & 0o077)
    throw new Error(`oauth2-wasm: files: ${folder} has mode 0${(mode & 0o777).toString(8)}: it has to be 0700, for it holds tokens`);

  const locks = fileLocks(node, folder);
  /** Held while a file is compared and replaced. */
  const guard = <T>(file: string, work: () => Promise<T>) => locks.hold(`guard-${file}`, work);
  await locks.sweep('lock-', async () => {});
  await locks.sweep('guard-', (file) => fs.rm(unfinished(file), { force: true }));

  /** Makes a rename or removal permanent. Windows cannot flush directories. */
  const flush = async () => {
    if (windows) return;
    const handle = await fs.open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  };

  /** Replaces the content of a file with text. A crash leaves the old or the new content. */
  const replace = async (file: string, text: string) => {
    try {
      const handle = await fs.open(unfinished(file), 'w', 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.rename(unfinished(file), at(file));
    } catch (error) {
      await fs.rm(unfinished(file), { force: true });
      throw error;
    }
    await flush();
  };

  const remove = async (file: string) => {
    await fs.unlink(at(file));
    await flush();
  };

  const read = async (file: string) => {
    const text = await fs.readFile(at(file), 'utf8').catch(absent);
    if (text === undefined) return { version: '' };
    const end = text.indexOf('\n');
    const [version, sum] = text.slice(FORMAT.length, Math.max(end, 0)).split(' ');
    const value = text.slice(end + 1);
    if (end < 0 || !text.startsWith(FORMAT) || !version || sum !== sha256(node, `${version}\n${value}`))
      throw new Error(`oauth2-wasm: files: the file is corrupt: ${at(file)}`);
    return { version, value };
  };

  const store: Store = {
    load(key) {
      const file = `value-${escape(node, key)}`;
      // A rename is atomic, but Windows refuses to rename over a file that is being read.
      return windows ? guard(file, () => read(file)) : read(file);
    },
    store(key, version, value) {
      const file = `value-${escape(node, key)}`;
      return guard(file, async () => {
        if ((await read(file)).version !== version) throw new ConflictError('oauth2-wasm: store: conflict');
        if (value !== null) {
          const next = crypto.randomUUID(); // random, so that no version comes twice, not even after a deletion
          await replace(file, `${FORMAT}${next} ${sha256(node, `${next}\n${value}`)}\n${value}`);
          return next;
        }
        if (version) await remove(file);
        return '';
      });
    },
  };

  return {
    store,
    pendingStore: store,
    keys: keysIn(node, { at, guard, replace, remove, file: (name) => `key-${escape(node, name)}.pem` }),
    locks: { request: (name, { signal }, callback) => locks.hold(`lock-${escape(node, name)}`, callback, signal) },
  };
};

interface Hands {
  file(name: string): string;
  at(file: string): string;
  guard<T>(file: string, work: () => Promise<T>): Promise<T>;
  replace(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
}

/**
 * Keys as files: PEM (RFC 7468 section 10) of PKCS #8 (RFC 5958), with the algorithm in a line
 * before it, because WebCrypto needs to know it for an RSA key.
 */
const keysIn = ({ fs, crypto }: Node, { file, at, guard, replace, remove }: Hands): KeyStore => {
  const { subtle } = crypto.webcrypto;
  const read = async (name: string): Promise<CryptoKeyPair | undefined> => {
    const text = await fs.readFile(at(file(name)), 'utf8').catch(absent);
    if (text === undefined) return undefined;
    try {
      const key = crypto.createPrivateKey(text);
      const { d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = key.export({ format: 'jwk' });
      const algorithm = named(/^Algorithm: (\S+)\n/.exec(text)![1]!) as EcKeyImportParams;
      return {
        privateKey: (await subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), algorithm, false, ['sign'])) as CryptoKey,
        publicKey: (await subtle.importKey('jwk', open, algorithm, true, ['verify'])) as CryptoKey,
      };
    } catch (cause) {
      throw new Error(`oauth2-wasm: files: the file is corrupt: ${at(file(name))}`, { cause });
    }
  };
  return {
    insecureExtractable: true, // to write it to a file; a loaded key is not extractable
    load: read,
    add: (name, pair) =>
      guard(file(name), async () => {
        const there = await read(name);
        if (there) return there; // another process was first
        const raw = Buffer.from(await subtle.exportKey('pkcs8', pair.privateKey as never));
        const lines = raw.toString('base64').replace(/.{1,64}/g, '$&\n');
        await replace(file(name), `Algorithm: ${nameOf(pair.privateKey.algorithm)}\n-----BEGIN PRIVATE KEY-----\n${lines}-----END PRIVATE KEY-----\n`);
        return pair;
      }),
    delete: (name) => guard(file(name), async () => void (await remove(file(name)).catch(absent))),
  };
};
