/** What the API server answers when it refuses, in words for people and in numbers for who tries again. */
import type { ApiError } from './client.ts';
import { isRecord } from './values.ts';

/** Reason of ours: the answer is longer than what is read of one. Smaller pages help. */
export const BODY_TOO_LARGE = 'BodyTooLarge';

/** Of a Status's text so much is shown. */
const LONGEST_MESSAGE = 1_000;

/** An error without an HTTP answer. `what` is the method and the path. */
export const noAnswer = (what: string, message: string): ApiError => ({
  status: null,
  reason: null,
  message: `${what}: ${message}`,
  retryAfterMs: null,
});

/** An error from an answer other than 2xx, whose body may be a Status object, other text, or nothing. */
export function refusal(what: string, status: number, retryAfter: string | undefined, body: string): ApiError {
  const answer = parseStatus(body);
  const said = answer.message ?? (body.trim() === '' ? 'no explanation' : body.trim());
  return {
    status,
    reason: answer.reason,
    message: `${what}: ${status} ${clip(said)}${advice(status)}`,
    retryAfterMs: retryAfterMs(retryAfter, Date.now()) ?? answer.retryAfterMs,
  };
}

function advice(status: number): string {
  if (status === 401)
    return '; the API server does not accept the credentials: check token, certificate and kubeconfig';
  if (status === 403) return '; the credentials are good, but RBAC does not allow this: add a rule for it to the role';
  return '';
}

interface StatusText {
  readonly reason: string | null;
  readonly message: string | null;
  readonly retryAfterMs: number | null;
}

function parseStatus(body: string): StatusText {
  let status: unknown;
  try {
    status = JSON.parse(body);
  } catch {
    status = null;
  }
  if (!isRecord(status)) return { reason: null, message: null, retryAfterMs: null };
  const { reason, message, details } = status;
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  return {
    reason: typeof reason === 'string' && reason !== '' ? reason : null,
    message: typeof message === 'string' && message !== '' ? message : null,
    retryAfterMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : null,
  };
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function retryAfterMs(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = text === '' ? Number.NaN : Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

const clip = (text: string): string => (text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text);
