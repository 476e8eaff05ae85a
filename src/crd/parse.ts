/**
 * From data of unknown shape to one of our kinds: the border. Inside it types are trusted.
 */
import type { z } from 'zod';
import { API_VERSION, GROUP } from './group.ts';
import type { Problem } from './problem.ts';
import { realServer, type RealServer } from './realserver.ts';
import { virtualService, type VirtualService } from './virtualservice.ts';
import { show } from './fields.ts';

export type LvsObject = VirtualService | RealServer;
export type Kind = LvsObject['kind'];

const KINDS = { VirtualService: virtualService, RealServer: realServer } as const satisfies Record<Kind, z.ZodType>;

export interface Identity {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** A field path with the problem it has; the path finds the line in a file. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly problem: Problem;
}

export type Parsed =
  | { readonly status: 'valid'; readonly object: LvsObject }
  /** The identity is null when kind or name are not to be had. */
  | { readonly status: 'invalid'; readonly identity: Identity | null; readonly findings: readonly Finding[] }
  /** Of another API group: not ours to judge. */
  | { readonly status: 'foreign'; readonly what: string };

export const identityOf = (object: LvsObject): Identity => ({
  kind: object.kind,
  namespace: object.metadata.namespace,
  name: object.metadata.name,
});

/** `VirtualService/default/web`: one text per object, whatever file it comes from. */
export const identityKey = (identity: Identity): string => `${identity.kind}/${identity.namespace}/${identity.name}`;

/** `VirtualService default/web`, as people say it. */
export const identityText = (identity: Identity): string => `${identity.kind} ${identity.namespace}/${identity.name}`;

/** Check one object against its kind's schema. Never throws. */
export function parseObject(input: unknown): Parsed {
  if (!isRecord(input)) {
    return unidentified([], `${show(input)} is no object`, 'Write apiVersion, kind, metadata and spec.', 'Invalid');
  }
  const { apiVersion, kind } = input;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    const path = typeof apiVersion === 'string' ? 'kind' : 'apiVersion';
    const message = input[path] === undefined ? 'is missing' : `${show(input[path])} is no ${path}`;
    const right = path === 'kind' ? Object.keys(KINDS).join(' or kind: ') : API_VERSION;
    return unidentified([path], message, `Write ${path}: ${right}.`, 'Invalid');
  }
  if (!apiVersion.startsWith(`${GROUP}/`)) return { status: 'foreign', what: `${apiVersion} ${kind}` };
  if (apiVersion !== API_VERSION || !isKind(kind)) {
    const known = Object.keys(KINDS).join(' and ');
    const path = apiVersion === API_VERSION ? 'kind' : 'apiVersion';
    return unidentified([path], `there is no ${kind} in ${apiVersion}`, `${API_VERSION} has ${known}.`, 'UnknownKind');
  }
  const result = KINDS[kind].safeParse(input);
  if (result.success) return { status: 'valid', object: result.data };
  const identity = identify(kind, input['metadata']);
  const findings = result.error.issues.flatMap((issue) => findingsOf(issue, identity));
  return { status: 'invalid', identity, findings };
}

function findingsOf(issue: z.core.$ZodIssue, identity: Identity | null): Finding[] {
  const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      finding([...path, key], identity, 'there is no such field', 'Remove it, or correct its spelling.', 'Invalid'),
    );
  }
  return [finding(path, identity, issue.message, 'Correct the field.', 'Invalid')];
}

function unidentified(path: string[], message: string, remedy: string, reason: 'Invalid' | 'UnknownKind'): Parsed {
  return { status: 'invalid', identity: null, findings: [finding(path, null, message, remedy, reason)] };
}

function finding(
  path: readonly (string | number)[],
  identity: Identity | null,
  message: string,
  remedy: string,
  reason: 'Invalid' | 'UnknownKind',
): Finding {
  const object = identity === null ? null : identityText(identity);
  return { path, problem: { reason, object, field: fieldText(path), message, remedy, place: null } };
}

function identify(kind: Kind, meta: unknown): Identity | null {
  if (!isRecord(meta) || typeof meta['name'] !== 'string') return null;
  const namespace = meta['namespace'] ?? 'default';
  return typeof namespace === 'string' ? { kind, namespace, name: meta['name'] } : null;
}

/** `spec.ports[0].port`; null for the whole object. */
function fieldText(path: readonly (string | number)[]): string | null {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text === '' ? null : text.replace(/^\./, '');
}

const isKind = (kind: string): kind is Kind => Object.hasOwn(KINDS, kind);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
