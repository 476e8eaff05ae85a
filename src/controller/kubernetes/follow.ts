/** Tells the lines of an answer that does not end by itself. */
import type { IncomingMessage } from 'node:http';
import { noAnswer } from './api-error.ts';
import type { ApiStream, StreamEnd } from './client.ts';
import { ENDED_EARLY } from './exchange.ts';
import { messageOf } from './values.ts';
import { splitLines } from './lines.ts';
import { endOf, type Call } from './send.ts';

/** etcd takes objects up to 1.5 MB; text in JSON can be several times as long. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Resolves when the answer ends; a line that is not complete then is dropped. Never rejects. */
export function follow(call: Call, response: IncomingMessage, stream: ApiStream): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const lines = splitLines(LONGEST_LINE);
    const end = (how: StreamEnd): void => {
      clearTimeout(idle);
      // The first reason counts: what follows from destroying is not one.
      resolve(how);
      response.destroy();
    };
    const fail = (message: string): void => end({ kind: 'failed', error: noAnswer(call.what, endOf(call, message)) });
    const idle = setTimeout(() => end({ kind: 'idle' }), stream.idleMs);
    const tell = (told: () => void): void => {
      try {
        told();
      } catch (error) {
        fail(messageOf(error));
      }
    };
    const take = (chunk: Buffer): void => {
      idle.refresh();
      const complete = lines.push(chunk);
      if (complete === null) fail(`a line is longer than ${LONGEST_LINE / 2 ** 20} MiB`);
      for (const line of complete ?? []) {
        if (call.cancel.signal.aborted) return;
        stream.onLine(line);
      }
    };
    if (response.destroyed) {
      // Then nothing is told any more.
      fail(ENDED_EARLY);
      return;
    }
    tell(() => stream.onOpen?.());
    response.on('data', (chunk: Buffer) => tell(() => take(chunk)));
    response.on('end', () => end({ kind: 'closed' }));
    response.on('error', (error) => fail(error.message));
    response.on('close', () => fail(ENDED_EARLY));
  });
}
