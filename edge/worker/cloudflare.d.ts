// The runtime's own interfaces that are used here, as Cloudflare documents them; all others are web
// interfaces.

interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}

interface DurableObjectId {}

interface DurableObjectStub {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

interface WebSocket {
  accept(): void;
}

declare const WebSocketPair: new () => { 0: WebSocket; 1: WebSocket };

interface Response {
  readonly webSocket?: WebSocket | null;
}

interface ResponseInit {
  webSocket?: WebSocket;
}

interface DurableObjectNamespace {
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): DurableObjectStub;
}

interface DurableObjectStorage {
  get<T>(key: string): Promise<T | undefined>;
  put(key: string, value: unknown): Promise<void>;
  delete(keys: string[]): Promise<number>;
  list<T>(): Promise<Map<string, T>>;
  deleteAll(): Promise<void>;
  getAlarm(): Promise<number | null>;
  setAlarm(time: number): Promise<void>;
  deleteAlarm(): Promise<void>;
  sql: SqlStorage;
}

interface SqlStorage {
  exec(query: string, ...bindings: unknown[]): { toArray(): Record<string, unknown>[] };
}

interface DurableObjectState {
  storage: DurableObjectStorage;
}

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
