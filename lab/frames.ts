// The wire format between a host process and the lab's daemon: one connection carries one process.
// A frame is one byte of type, four bytes of length (big endian) and the payload. Pure: no sockets here.

/** Frame types. 0x0_ go to the daemon, 0x1_ come from it. */
export const FrameType = {
  /** JSON of `ProcessRequest`: the first frame of every connection. */
  Start: 0x01,
  /** Bytes for the process's stdin. */
  Stdin: 0x02,
  /** The end of stdin; no payload. */
  StdinEnd: 0x03,
  /** A signal's name for the process. */
  Signal: 0x04,
  /** JSON of `ProcessStarted`. */
  Started: 0x11,
  Stdout: 0x12,
  Stderr: 0x13,
  /** JSON of `ProcessExit`: the last frame of a connection. */
  Exit: 0x14,
  /** A sentence saying why no process was started: the last frame of a connection. */
  Refused: 0x15,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

/** What a client asks of the daemon. */
export interface ProcessRequest {
  readonly token: string;
  readonly argv: readonly string[];
  /** A named network namespace to run in. */
  readonly namespace?: string;
  /** Added to the daemon's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ProcessStarted {
  readonly pid: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Larger payloads are a sign that the other side does not speak this protocol. */
const MAX_PAYLOAD = 1 << 20;

const HEADER = 5;
const TYPES: ReadonlySet<number> = new Set(Object.values(FrameType));

function isFrameType(value: number): value is FrameType {
  return TYPES.has(value);
}

export function encodeFrame(type: FrameType, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  if (body.byteLength > MAX_PAYLOAD) {
    throw new RangeError(`a frame carries at most ${String(MAX_PAYLOAD)} bytes, not ${String(body.byteLength)}`);
  }
  const frame = Buffer.allocUnsafe(HEADER + body.byteLength);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(body.byteLength, 1);
  frame.set(body, HEADER);
  return frame;
}

/** Bytes of any length as as many frames of one type as they need (none for no bytes). */
export function encodeData(type: FrameType, data: Uint8Array): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start < data.byteLength; start += MAX_PAYLOAD) {
    frames.push(encodeFrame(type, data.subarray(start, start + MAX_PAYLOAD)));
  }
  return frames;
}

export interface FrameDecoder {
  /** The frames completed by this chunk. Throws on bytes that are no frame; the connection is then of no more use. */
  push(chunk: Uint8Array): Frame[];
  /** True between frames: a connection that ends elsewhere was cut off. */
  readonly idle: boolean;
}

export function createFrameDecoder(): FrameDecoder {
  // Chunks are kept as they came and joined once per frame, so that a large frame in small pieces is not copied again and again.
  let chunks: Buffer[] = [];
  let buffered = 0;
  let wanted = HEADER;

  const take = (length: number): Buffer => {
    const all = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    const rest = all.subarray(length);
    chunks = rest.byteLength > 0 ? [rest] : [];
    buffered = rest.byteLength;
    return all.subarray(0, length);
  };

  let type: FrameType | undefined;
  return {
    push(chunk) {
      if (chunk.byteLength > 0) {
        chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        buffered += chunk.byteLength;
      }
      const frames: Frame[] = [];
      while (buffered >= wanted) {
        if (type === undefined) {
          const header = take(HEADER);
          const code = header.readUInt8(0);
          const length = header.readUInt32BE(1);
          if (!isFrameType(code)) throw new Error(`unknown frame type 0x${code.toString(16)}`);
          if (length > MAX_PAYLOAD) throw new Error(`frame of ${String(length)} bytes is too long`);
          type = code;
          wanted = length;
        } else {
          frames.push({ type, payload: Buffer.from(take(wanted)) });
          type = undefined;
          wanted = HEADER;
        }
      }
      return frames;
    },
    get idle() {
      return buffered === 0 && type === undefined;
    },
  };
}
