/**
 * Requests and answers over one netlink socket, strictly one operation after the other: a second dump before the end of
 * the first is refused by the kernel (EBUSY), and few outstanding answers keep the receive buffer from overflowing.
 * Every operation has a deadline; after one that passed, the socket is replaced, so that a late answer meets nobody.
 */
import { errnoName } from './errno.ts';
import {
  messageErrno,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseDatagram,
} from './message.ts';
import { fail, type NetlinkFailure, ok, type Result } from './result.ts';
import type { NetlinkTransport, OpenTransport } from './transport.ts';
import { createWriter, type MessageWriter } from './writer.ts';

export interface OutgoingMessage {
  readonly type: number;
  /** Besides NLM_F_REQUEST, and NLM_F_ACK where one is needed. */
  readonly flags?: number;
  readonly write: (writer: MessageWriter) => void;
  /** What it does, for the sentence of a failure: `add service TCP/192.0.2.1:80`. */
  readonly what: string;
}

export interface Connection {
  /** A request with one answer or none; resolves with the messages before the acknowledgement. */
  request(message: OutgoingMessage): Promise<Result<readonly NetlinkMessage[]>>;
  /** A dump, complete or a failure. Repeated when the kernel says that it was changed meanwhile. */
  dump(message: OutgoingMessage): Promise<Result<readonly NetlinkMessage[]>>;
  /**
   * Many requests in as few datagrams as is safe. In order; a failing one does not stop those after it (the kernel runs
   * them all). When an answer stays away, those without one fail as `timeout` and the rest is not sent.
   */
  batch(messages: readonly OutgoingMessage[]): Promise<readonly Result<null>[]>;
  close(): void;
}

export interface ConnectionOptions {
  /** Milliseconds until an operation (one datagram's worth of a batch) counts as unanswered. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 5_000;
/** 64 are as quick as 256; 512 overflow the receive buffer of kernel 6.12 when each is answered by an error. */
const MOST_MESSAGES = 64;
/** A datagram must fit into the send buffer, which the kernel caps at some 200 kB. */
const MOST_BYTES = 64 * 1024;
const MOST_WAITING = 1_000;
const MOST_DUMP_ATTEMPTS = 5;

interface Waiting {
  onMessage(message: NetlinkMessage): void;
  onBroken(failure: NetlinkFailure): void;
}

export function openConnection(openTransport: OpenTransport, options: ConnectionOptions = {}): Connection {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const writer = createWriter();
  let transport: NetlinkTransport | null = null;
  let generation = 0;
  let sequence = 0;
  let current: Waiting | null = null;
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;

  const nextSequence = (): number => {
    // Zero belongs to notifications.
    sequence = sequence >= 0xffffffff ? 1 : sequence + 1;
    return sequence;
  };

  const discard = (): void => {
    generation++;
    transport?.close();
    transport = null;
  };

  const socket = (): Result<NetlinkTransport> => {
    if (closed) return fail({ kind: 'broken', errno: null, message: 'the netlink connection was closed' });
    if (transport !== null) return ok(transport);
    const mine = ++generation;
    try {
      transport = openTransport({
        onDatagram(datagram) {
          if (mine !== generation) return;
          const messages = parseDatagram(datagram);
          if (messages === null) {
            current?.onBroken({ kind: 'broken', errno: null, message: 'the kernel sent a malformed netlink datagram' });
            return;
          }
          for (const message of messages) current?.onMessage(message);
        },
        onBroken(why) {
          if (mine !== generation) return;
          // When nobody waits, the next operation must not be given a socket that is dead.
          if (current === null) discard();
          else current.onBroken({ kind: 'broken', errno: null, message: why });
        },
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return fail({ kind: 'unavailable', errno: null, message: `cannot open a netlink socket: ${why}` });
    }
    return ok(transport);
  };

  /** One after the other. */
  const queued = async <T>(run: () => Promise<T>, refused: (failure: NetlinkFailure) => T): Promise<T> => {
    if (waiting >= MOST_WAITING) {
      return refused({
        kind: 'broken',
        errno: null,
        message: `more than ${MOST_WAITING} netlink operations are waiting`,
      });
    }
    waiting++;
    const mine = tail.then(run);
    // A message that could not be written must not be the beginning of the next one.
    tail = mine.catch(() => void writer.take());
    try {
      return await mine;
    } finally {
      waiting--;
    }
  };

  /** Send one datagram and feed its answers to `onMessage` until that says it is done. */
  const exchange = (
    open: NetlinkTransport,
    datagram: Uint8Array,
    what: string,
    onMessage: (message: NetlinkMessage) => 'more' | 'done',
  ): Promise<NetlinkFailure | null> =>
    new Promise((resolve) => {
      const finish = (failure: NetlinkFailure | null): void => {
        clearTimeout(timer);
        current = null;
        // After a failure a late answer may still come: only a new socket is certain not to receive it.
        if (failure !== null) discard();
        resolve(failure);
      };
      const timer = setTimeout(() => {
        finish({ kind: 'timeout', errno: null, message: `${what}: the kernel did not answer within ${deadlineMs} ms` });
      }, deadlineMs);
      current = {
        onMessage: (message) => {
          if (current !== null && onMessage(message) === 'done') finish(null);
        },
        onBroken: (failure) => finish({ ...failure, message: `${what}: ${failure.message}` }),
      };
      open.send(datagram);
    });

  const single = async (message: OutgoingMessage, flags: number): Promise<Result<Answer>> => {
    const open = socket();
    if (!open.ok) return open;
    const mine = nextSequence();
    writer.begin(message.type, NLM_F_REQUEST | flags | (message.flags ?? 0), mine);
    message.write(writer);
    writer.end();
    const answer: { messages: NetlinkMessage[]; interrupted: boolean } = { messages: [], interrupted: false };
    let refusal: NetlinkFailure | null = null;
    const failure = await exchange(open.value, writer.take(), message.what, (received) => {
      if (received.sequence !== mine) return 'more';
      if ((received.flags & NLM_F_DUMP_INTR) !== 0) answer.interrupted = true;
      if (received.type !== NLMSG_ERROR && received.type !== NLMSG_DONE) {
        answer.messages.push(received);
        return 'more';
      }
      const errno = messageErrno(received);
      if (errno !== 0) refusal = refusalOf(message.what, errno);
      return 'done';
    });
    if (failure !== null) return fail(failure);
    return refusal === null ? ok(answer) : fail(refusal);
  };

  const dumpOnce = async (message: OutgoingMessage): Promise<Result<readonly NetlinkMessage[]>> => {
    for (let attempt = 0; attempt < MOST_DUMP_ATTEMPTS; attempt++) {
      const answer = await single(message, NLM_F_DUMP);
      if (!answer.ok) return answer;
      if (!answer.value.interrupted) return ok(answer.value.messages);
    }
    const text = `${message.what}: changed by others in each of ${MOST_DUMP_ATTEMPTS} attempts to read it`;
    return fail({ kind: 'broken', errno: null, message: text });
  };

  const sendBatch = async (messages: readonly OutgoingMessage[]): Promise<readonly Result<null>[]> => {
    const results: Result<null>[] = [];
    while (results.length < messages.length) {
      const open = socket();
      if (!open.ok) return filled(results, messages, open.error);
      const first = results.length;
      const firstSequence = writeChunk(messages, first);
      const count = writer.messages;
      const errors = new Map<number, number | null>();
      const chunk = messages.slice(first, first + count);
      const what = count === 1 ? (chunk[0]?.what ?? '') : `${chunk[0]?.what ?? ''} and ${count - 1} more`;
      const failure = await exchange(open.value, writer.take(), what, (received) => {
        const index = received.sequence - firstSequence;
        if (received.type !== NLMSG_ERROR || index < 0 || index >= count) return 'more';
        const errno = messageErrno(received);
        if (errno !== 0) errors.set(index, errno);
        return index === count - 1 ? 'done' : 'more';
      });
      chunk.forEach((message, index) => {
        const errno = errors.get(index);
        if (errno !== undefined) results.push(fail(refusalOf(message.what, errno)));
        // An answer that stayed away may have been an error of any message before it.
        else
          results.push(
            failure === null ? ok(null) : fail({ ...failure, message: `${message.what}: ${failure.message}` }),
          );
      });
      if (failure !== null)
        return filled(results, messages, { ...failure, message: `not sent, because before it ${failure.message}` });
    }
    return results;
  };

  /** Fill the writer with as many messages as one datagram may hold; returns the first one's sequence number. */
  const writeChunk = (messages: readonly OutgoingMessage[], first: number): number => {
    // A run of numbers without the wrap, so that an answer's place is a subtraction.
    if (sequence + MOST_MESSAGES >= 0xffffffff) sequence = 0;
    const firstSequence = sequence + 1;
    for (let index = first; index < messages.length; index++) {
      const message = messages[index];
      if (message === undefined || writer.messages >= MOST_MESSAGES || writer.length >= MOST_BYTES) break;
      writer.begin(message.type, NLM_F_REQUEST | (message.flags ?? 0), nextSequence());
      message.write(writer);
      writer.end();
    }
    // Errors are reported without being asked for; an acknowledgement of each would only fill the receive buffer.
    writer.addFlagsToLast(NLM_F_ACK);
    return firstSequence;
  };

  return {
    request: (message) =>
      queued(async () => {
        const answer = await single(message, NLM_F_ACK);
        return answer.ok ? ok(answer.value.messages) : answer;
      }, fail),
    dump: (message) => queued(() => dumpOnce(message), fail),
    batch: (messages) =>
      queued(
        () => sendBatch(messages),
        (failure) => filled([], messages, failure),
      ),
    close() {
      closed = true;
      current?.onBroken({ kind: 'broken', errno: null, message: 'the netlink connection was closed' });
      discard();
    },
  };
}

interface Answer {
  readonly messages: readonly NetlinkMessage[];
  readonly interrupted: boolean;
}

function refusalOf(what: string, errno: number | null): NetlinkFailure {
  if (errno === null) return { kind: 'broken', errno: null, message: `${what}: the kernel's answer was cut short` };
  const name = errnoName(errno);
  return { kind: 'kernel', errno: name, message: `${what}: the kernel refused it with ${name}` };
}

function filled(
  results: readonly Result<null>[],
  messages: readonly OutgoingMessage[],
  failure: NetlinkFailure,
): readonly Result<null>[] {
  return [...results, ...messages.slice(results.length).map((): Result<null> => fail(failure))];
}
