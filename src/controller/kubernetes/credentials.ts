/**
 * The login at the API server, kept and read again: tokens, CAs and client certificates are replaced under a running
 * agent.
 */
import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { loadConfig, type CredentialsSource, type LoadedConfig } from './kubeconfig.ts';
import { messageOf } from './values.ts';

export interface ConnectionOptions {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface Credentials {
  readonly server: URL;
  /**
   * What to connect with. Read again after a minute, and after a refusal. While it cannot be read, the last one that
   * could be is good until the server refuses it; then this rejects with what cannot be read.
   */
  options(): Promise<ConnectionOptions>;
  /** The server refused what options() told. */
  renew(): void;
  /** Why the last reading failed, or null. */
  readonly trouble: string | null;
}

export interface CredentialsSettings {
  /** Put before the paths of the service account. */
  readonly root?: string;
  /** Milliseconds after which files are read again. */
  readonly maxAgeMs?: number;
  /** Milliseconds that reading may take; a plugin is killed after three quarters of them. */
  readonly deadlineMs?: number;
  /** Milliseconds, as performance.now(). */
  readonly now?: () => number;
}

const MAX_AGE_MS = 60_000;
/** What could not be read is tried again after so long. */
const RETRY_MS = 5_000;
const DEADLINE_MS = 40_000;

/** Rejects, with a message for people, when it is not said which server to talk to. Tokens are not read yet. */
export async function openCredentials(
  source: CredentialsSource,
  settings: CredentialsSettings = {},
): Promise<Credentials> {
  const { root = '', maxAgeMs = MAX_AGE_MS, deadlineMs = DEADLINE_MS, now = () => performance.now() } = settings;
  const load = (): Promise<LoadedConfig> => loadConfig(source, { root, pluginMs: deadlineMs * 0.75 });
  let config = await load();
  const { server } = config;
  let known: { readonly options: ConnectionOptions; readonly refusals: number; until: number } | null = null;
  let pending: Promise<ConnectionOptions> | null = null;
  let refusals = 0;
  let trouble: string | null = null;

  const reload = async (forget: boolean): Promise<LoadedConfig> => {
    const fresh = await load();
    if (fresh.server.href !== server.href) {
      throw new Error(`the API server changed from ${server.href} to ${fresh.server.href}: restart to follow it`);
    }
    return config.remembers && !forget && fresh.fingerprint === config.fingerprint ? config : fresh;
  };
  const read = async (): Promise<ConnectionOptions> => {
    const asOf = refusals;
    const refused = known !== null && known.refusals !== asOf;
    try {
      config = await reload(refused);
      const options = connectionOptions(await withDeadline(config.apply(), deadlineMs), config.tokenFile);
      trouble = null;
      // The same material as the same object: a pool of connections can tell at a glance.
      const kept = known !== null && isDeepStrictEqual(known.options, options) ? known.options : options;
      known = { options: kept, refusals: asOf, until: now() + maxAgeMs };
      return kept;
    } catch (error) {
      trouble = `credentials cannot be read: ${messageOf(error)}`;
      if (known === null || known.refusals !== refusals) throw new Error(trouble, { cause: error });
      known.until = now() + Math.min(RETRY_MS, maxAgeMs);
      return known.options;
    }
  };

  return {
    server,
    get trouble() {
      return trouble;
    },
    options() {
      if (known !== null && known.refusals === refusals && now() < known.until) return Promise.resolve(known.options);
      if (pending !== null) return pending;
      const reading = read().finally(() => {
        if (pending === reading) pending = null;
      });
      pending = reading;
      return reading;
    },
    renew() {
      refusals += 1;
      // What is being read now may be what was refused.
      pending = null;
    },
  };
}

/** Throws when there is a token, but an empty one. */
function connectionOptions(from: RequestOptions, tokenFile: string | null): ConnectionOptions {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(from.headers ?? {})) {
    // A token file usually ends with an end of line, which no header may contain.
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (headers['authorization'] === 'Bearer') throw new Error(`the token file ${tokenFile ?? ''} is empty`);
  if (typeof from.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(from.auth).toString('base64')}`;
  return {
    headers,
    ...material('ca', from.ca),
    ...material('cert', from.cert),
    ...material('key', from.key),
    ...(typeof from.servername === 'string' ? { servername: from.servername } : {}),
    // Said in any case: an environment variable of Node could switch the check off.
    rejectUnauthorized: from.rejectUnauthorized !== false,
  };
}

const material = (name: 'ca' | 'cert' | 'key', value: unknown): { readonly [key in typeof name]?: string | Buffer } =>
  typeof value === 'string' || Buffer.isBuffer(value) ? { [name]: value } : {};

async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${deadlineMs / 1_000} s`)), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
