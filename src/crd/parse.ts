/**
 * From data of unknown shape to one of our kinds: the border. Inside it types are trusted.
 */
import type { z } from 'zod';
import { API_VERSION, GROUP } from './group.ts';
import type { Problem } from './problem.ts';
import type { Reason } from './reasons.ts';
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

type Path = readonly (string | number)[];

/** A field path with the problem it has; the path finds the line in a file. */
export interface Finding {
  readonly path: Path;
  readonly problem: Problem;
}

export interface ParseOptions {
  /**
   * A person who writes a file has misspelt what we do not know: refuse it. The API server has a newer version's fields,
   * and an old one must go on serving: leave them out, and warn.
   */
  readonly unknownFields: 'refuse' | 'warn';
}

export type Parsed =
  /** The warnings are about fields that were left out. */
  | { readonly status: 'valid'; readonly object: LvsObject; readonly warnings: readonly Finding[] }
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
export function parseObject(input: unknown, options: ParseOptions = { unknownFields: 'refuse' }): Parsed {
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
  const identity = identify(kind, input['metadata']);
  const strict = KINDS[kind].safeParse(input);
  const unknown = strict.success || options.unknownFields === 'refuse' ? [] : unknownFields(strict.error);
  const result = unknown.length === 0 ? strict : KINDS[kind].safeParse(without(input, unknown));
  if (!result.success) {
    return {
      status: 'invalid',
      identity,
      findings: result.error.issues.flatMap((issue) => findingsOf(issue, identity)),
    };
  }
  const warnings = unknown
    .filter(([parent]) => parent !== 'metadata')
    .map((path) => findingAt(path, identity, NO_SUCH_FIELD, `${SPELLING} Until then it is ignored.`, 'UnknownField'));
  return { status: 'valid', object: result.data, warnings };
}

const NO_SUCH_FIELD = 'there is no such field';
const SPELLING = 'Remove it, or correct its spelling.';

const pathOf = (issue: z.core.$ZodIssue): Path =>
  issue.path.filter((part): part is string | number => typeof part !== 'symbol');

const unknownFields = (error: z.ZodError): Path[] =>
  error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...pathOf(issue), key]) : [],
  );

/** A copy that lacks the fields at these paths. */
function without(input: unknown, paths: readonly Path[]): unknown {
  if (Array.isArray(input)) return input.map((item, index) => without(item, below(paths, index)));
  if (!isRecord(input)) return input;
  return Object.fromEntries(
    Object.entries(input)
      .filter(([key]) => !paths.some((path) => path.length === 1 && path[0] === key))
      .map(([key, value]) => [key, without(value, below(paths, key))]),
  );
}

const below = (paths: readonly Path[], part: string | number): Path[] =>
  paths.filter((path) => path[0] === part).map((path) => path.slice(1));

function findingsOf(issue: z.core.$ZodIssue, identity: Identity | null): Finding[] {
  const path = pathOf(issue);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => findingAt([...path, key], identity, NO_SUCH_FIELD, SPELLING, 'Invalid'));
  }
  return [findingAt(path, identity, issue.message, 'Correct the field.', 'Invalid')];
}

function unidentified(path: string[], message: string, remedy: string, reason: 'Invalid' | 'UnknownKind'): Parsed {
  return { status: 'invalid', identity: null, findings: [findingAt(path, null, message, remedy, reason)] };
}

/** Something to say about a field of an object. */
export function findingAt(
  path: Path,
  identity: Identity | null,
  message: string,
  remedy: string,
  reason: Reason,
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
function fieldText(path: Path): string | null {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text === '' ? null : text.replace(/^\./, '');
}

const isKind = (kind: string): kind is Kind => Object.hasOwn(KINDS, kind);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
