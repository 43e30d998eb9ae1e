/**
 * The frames of a server break the protocol. `code` is the code for closing the connection (RFC
 * 6455 section 7.4).
 */
export class Violation extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The functions that a FrameReader calls. */
export interface Spoken {
  message(data: string | Uint8Array): void;
  ping(payload: Uint8Array): void;
  /** `code` is 1005 if the frame has none. */
  close(code: number, reason: string): void;
}

/** The longest message, and so the longest frame, in bytes. */
export const LONGEST = 16 << 20;

/** How many parts a message may have. */
const MOST = 1 << 16;

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const MASKED = 0x80;

const join = (parts: Uint8Array[], length: number): Uint8Array => {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

const text = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Violation(1007, 'text that is not UTF-8');
  }
};

/** Whether a close frame may have the code (RFC 6455 section 7.4.2). */
const isCode = (code: number) => (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code < 5000);

/** Reads the frames of a server that has agreed to no extension (RFC 6455 section 5). */
export class FrameReader {
  #spoken: Spoken;
  /** Bytes that were received and not read yet. */
  #parts: Uint8Array[] = [];
  #size = 0;
  /** The first byte and the length of the frame that is being read. */
  #first: number | undefined;
  #length: number | undefined;
  /** How many bytes after the first two hold the length. */
  #wide = 0;
  /** The parts, size and kind of the message that is being read. */
  #message: Uint8Array[] = [];
  #total = 0;
  #kind = CONTINUATION;

  constructor(spoken: Spoken) {
    this.#spoken = spoken;
  }

  /** @throws {Violation} */
  read(piece: Uint8Array): void {
    this.#parts.push(piece);
    this.#size += piece.length;
    while (this.#step());
  }

  /** The next bytes, or `undefined` if they have not all been received. */
  #take(count: number): Uint8Array | undefined {
    if (this.#size < count) return undefined;
    this.#size -= count;
    const taken: Uint8Array[] = [];
    let left = count;
    let used = 0;
    for (; left > 0; used += 1) {
      const part = this.#parts[used]!;
      if (part.length > left) {
        taken.push(part.subarray(0, left));
        this.#parts[used] = part.subarray(left);
        break;
      }
      taken.push(part);
      left -= part.length;
    }
    this.#parts.splice(0, used);
    return taken.length ? join(taken, count) : new Uint8Array();
  }

  #step(): boolean {
    if (this.#first === undefined) {
      const head = this.#take(2);
      if (!head) return false;
      this.#head(head[0]!, head[1]!);
    }
    if (this.#length === undefined) {
      const bytes = this.#take(this.#wide);
      if (!bytes) return false;
      this.#measure(bytes.reduce((length, byte) => length * 256 + byte, 0));
    }
    const payload = this.#take(this.#length!);
    if (!payload) return false;
    const [first] = [this.#first!, (this.#first = this.#length = undefined)];
    this.#frame(first & 15, first >= 128, payload);
    return true;
  }

  #head(first: number, second: number): void {
    const kind = first & 15;
    const length = second & 127;
    if (first & 0x70) throw new Violation(1002, 'an extension that nobody agreed to');
    if (second & MASKED) throw new Violation(1002, 'a server masks nothing');
    if (![CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].includes(kind)) throw new Violation(1002, `a frame of kind ${kind}`);
    if (kind >= CLOSE && (first < 128 || length > 125)) throw new Violation(1002, 'a control frame in parts, or too long');
    if (kind < CLOSE && (kind === CONTINUATION) !== (this.#kind !== CONTINUATION)) throw new Violation(1002, 'a message within another');
    this.#first = first;
    this.#wide = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (!this.#wide) this.#measure(length);
  }

  #measure(length: number): void {
    if (length + this.#total > LONGEST) throw new Violation(1009, 'a message that is too long');
    this.#length = length;
  }

  #frame(kind: number, last: boolean, payload: Uint8Array): void {
    if (kind === PING) return this.#spoken.ping(payload);
    if (kind === PONG) return;
    if (kind === CLOSE) return this.#close(payload);
    if (kind !== CONTINUATION) this.#kind = kind;
    if (payload.length) this.#message.push(payload);
    this.#total += payload.length;
    if (this.#message.length > MOST) throw new Violation(1009, 'a message in too many parts');
    if (!last) return;
    const whole = join(this.#message, this.#total);
    const isText = this.#kind === TEXT;
    [this.#message, this.#total, this.#kind] = [[], 0, CONTINUATION];
    this.#spoken.message(isText ? text(whole) : whole);
  }

  #close(payload: Uint8Array): void {
    if (!payload.length) return this.#spoken.close(1005, '');
    const code = payload[0]! * 256 + (payload[1] ?? 0);
    if (payload.length < 2 || !isCode(code)) throw new Violation(1002, 'a close frame without a code');
    this.#spoken.close(code, text(payload.subarray(2)));
  }
}

/** A whole frame of a client, masked (RFC 6455 section 5.3). */
const frame = (kind: number, payload: Uint8Array): Uint8Array => {
  const { length } = payload;
  const wide = length > 65535 ? 8 : length > 125 ? 2 : 0;
  const at = 2 + wide + 4;
  const bytes = new Uint8Array(at + length);
  bytes[0] = 128 | kind;
  bytes[1] = MASKED | (wide === 8 ? 127 : wide === 2 ? 126 : length);
  for (let i = 0, rest = length; i < wide; i += 1, rest = Math.floor(rest / 256)) bytes[1 + wide - i] = rest % 256;
  const mask = crypto.getRandomValues(new Uint8Array(4));
  bytes.set(mask, at - 4);
  for (let i = 0; i < length; i += 1) bytes[at + i] = payload[i]! ^ mask[i & 3]!;
  return bytes;
};

export const messageFrame = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? frame(TEXT, new TextEncoder().encode(data)) : frame(BINARY, data);

export const pongFrame = (payload: Uint8Array): Uint8Array => frame(PONG, payload);

/** 1005 means that the frame has no code. */
export const closeFrame = (code: number, reason: string): Uint8Array => {
  if (code === 1005) return frame(CLOSE, new Uint8Array());
  const words = new TextEncoder().encode(reason).subarray(0, 123);
  const payload = new Uint8Array(2 + words.length);
  payload.set([code >> 8, code & 255]);
  payload.set(words, 2);
  return frame(CLOSE, payload);
};
