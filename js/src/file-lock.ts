// Locks across processes, the same as those of the Go package core/oauth/store/filestore: a lock
// file, locked with flock(2), which the operating system frees when its holder ends.
import { builtin } from './node-passage.js';

type FileHandle = import('node:fs/promises').FileHandle;

/** The modules of Node that are needed. */
export const modules = async () => {
  const [fs, path, crypto, processes] = await Promise.all(['fs/promises', 'path', 'crypto', 'child_process'].map(builtin));
  return { fs, path, crypto, processes } as {
    fs: typeof import('node:fs/promises');
    path: typeof import('node:path');
    crypto: typeof import('node:crypto');
    processes: typeof import('node:child_process');
  };
};

export type Node = Awaited<ReturnType<typeof modules>>;

/** How long to wait before trying a lock again if the system cannot wait for it, in ms. */
const PAUSE = 20;

const CREATE = { linux: 0o102, windows: 0o402, bsd: 0x202 }; // O_CREAT | O_RDWR
/**
 * O_EXLOCK | O_NONBLOCK of macOS and the BSDs: open(2) also takes the lock of flock(2), or fails.
 */
const BSD_LOCK = 0x24;
/** UV_FS_O_EXLOCK: no other process can open the file while it is open here. */
const WINDOWS_LOCK = 0x10000000;

const until = <T>(signal: AbortSignal | undefined, work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) =>
  new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal!.reason);
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    const end =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        signal?.removeEventListener('abort', stop);
        settle(value);
      };
    work(end(resolve), end(reject));
  });

/**
 * Node has no flock(2), but such a lock belongs to the open file and not to the process. So we pass
 * the open file to the program `flock` (util-linux, BusyBox), which locks it and ends. The lock is
 * ours until we close the file or end. The program waits in the system call, and outside of our
 * process group, so that Ctrl-C does not reach it.
 */
const flock = ({ processes }: Node, { fd }: FileHandle, signal: AbortSignal | undefined, wait: boolean) =>
  until<boolean>(signal, (resolve, reject) => {
    const child = processes.spawn('flock', wait ? ['-x', '3'] : ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd], detached: true });
    const stop = () => child.kill();
    signal?.addEventListener('abort', stop, { once: true });
    child.on('error', (error: Error & { code?: string }) =>
      reject(
        error.code === 'ENOENT'
          ? new Error('oauth2-wasm: files: the program flock is missing; it comes with util-linux and with BusyBox', { cause: error })
          : error,
      ),
    );
    child.on('exit', (code, killed) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) resolve(true);
      else if (code === 1 && !wait) resolve(false);
      else reject(new Error(`oauth2-wasm: files: flock ended with ${code ?? killed}`));
    });
  });

/**
 * Opens a lock file and locks it; `undefined` if another process holds it and the system cannot
 * wait.
 */
const grab = async (node: Node, path: string, signal: AbortSignal | undefined, wait: boolean): Promise<FileHandle | undefined> => {
  const { platform } = process;
  if (platform === 'linux' || platform === 'android') {
    const handle = await node.fs.open(path, CREATE.linux, 0o600);
    try {
      if (await flock(node, handle, signal, wait)) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }
  const flags = platform === 'win32' ? CREATE.windows | WINDOWS_LOCK : CREATE.bsd | BSD_LOCK;
  return node.fs.open(path, flags, 0o600).catch((error: { code?: string }) => {
    if (['EAGAIN', 'EWOULDBLOCK', 'EBUSY', 'EPERM'].includes(error.code!)) return undefined;
    throw error;
  });
};

/** Locks of the files of a folder. */
export const fileLocks = (node: Node, folder: string) => {
  const { fs, path } = node;
  /** The last waiter for each lock: within this process, one at a time asks the system. */
  const lines = new Map<string, Promise<void>>();

  /** Takes a lock file. The holder before us may have removed the file that we opened. */
  const take = async (file: string, signal?: AbortSignal, wait = true): Promise<(() => Promise<void>) | undefined> => {
    const at = path.join(folder, file);
    for (;;) {
      const handle = await grab(node, at, signal, wait);
      if (handle) {
        const [own, there] = await Promise.all([handle.stat({ bigint: true }), fs.stat(at, { bigint: true }).catch(() => undefined)]);
        if (own.ino === there?.ino && own.dev === there.dev) {
          const remove = () => fs.unlink(at).catch(() => {}); // if that fails, the next holder removes it
          return async () => {
            if (process.platform !== 'win32') await remove(); // Windows cannot remove an open file
            await handle.close();
            if (process.platform === 'win32') await remove();
          };
        }
        await handle.close();
      } else if (!wait) return undefined;
      else await until<void>(signal, (resolve) => setTimeout(resolve, PAUSE));
    }
  };

  return {
    /** Does the work under a lock. The signal ends the wait, with its reason. */
    async hold<T>(file: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
      signal?.throwIfAborted();
      const before = lines.get(file);
      let leave!: () => void;
      const turn = new Promise<void>((resolve) => (leave = resolve));
      const line = (before ?? Promise.resolve()).then(() => turn);
      lines.set(file, line);
      void line.then(() => lines.get(file) === line && lines.delete(file));
      try {
        if (before) await until<void>(signal, (resolve) => void before.then(resolve));
        const free = (await take(file, signal))!;
        try {
          return await work();
        } finally {
          await free();
        }
      } finally {
        leave();
      }
    },

    /** Removes lock files that nobody holds. It calls `found` while it holds one. */
    async sweep(prefix: string, found: (rest: string) => Promise<unknown>): Promise<void> {
      for (const name of await fs.readdir(folder)) {
        if (!name.startsWith(prefix)) continue;
        const free = await take(name, undefined, false);
        if (!free) continue;
        await found(name.slice(prefix.length));
        await free();
      }
    },
  };
};
