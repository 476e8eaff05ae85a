/**
 * What all directors together make of the objects: their status in the API. Pure. Directors report exceptions only, so
 * what a live director has followed and does not complain about is programmed there.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DirectorException, DirectorStatus } from '../crd/director.ts';
import { type Identity, identityText } from '../crd/parse.ts';
import type { Problem } from '../crd/problem.ts';
import type { RealServer } from '../crd/realserver.ts';
import type { RealServerStatus, VirtualServiceStatus } from '../crd/status.ts';
import { canonicalAddress } from '../net/address.ts';
import { announcement } from './announced.ts';
import type { Compiled, CompiledService } from './compile.ts';
import { type Judgement, transitions } from './director-status.ts';
import { destinationRefusal } from './policy.ts';
import { eligibleDirectors, type Site } from './site.ts';
import type { SourceView } from './source.ts';
import { accepted, problemsOnly, resolvedRefs } from './status.ts';

/** A director, as one sees it who sums up. */
export interface DirectorView {
  /** Its Lease was renewed not long ago. */
  readonly live: boolean;
  /** When that was first seen; milliseconds of the clock of `SummaryInput.nowMs`. */
  readonly liveSinceMs: number;
  /** Null while it has said nothing. */
  readonly status: DirectorStatus | null;
  /** Whether it has carried out a kind's changes up to this resourceVersion. */
  followed(kind: Identity['kind'], version: string): boolean;
}

/** An object as it is in the API. */
export interface ApiObjectView<Status> {
  readonly identity: Identity;
  readonly uid: string;
  readonly generation: number | null;
  /** The resourceVersion at which this generation was first seen. */
  readonly generationSince: string;
  /** And when; milliseconds of the clock of `SummaryInput.nowMs`. */
  readonly seenMs: number;
  readonly status: Status | null;
}

export interface SummaryInput {
  readonly view: SourceView;
  readonly compiled: Compiled;
  readonly directors: ReadonlyMap<string, DirectorView>;
  readonly virtualServices: readonly ApiObjectView<VirtualServiceStatus>[];
  readonly realServers: readonly ApiObjectView<RealServerStatus>[];
  /** RFC 3339. */
  readonly now: string;
  readonly nowMs: number;
}

export interface StatusChange {
  readonly identity: Identity;
  readonly uid: string;
  readonly status: VirtualServiceStatus | RealServerStatus;
}

export interface Summary {
  /** Statuses that differ from those in the API. */
  readonly changes: readonly StatusChange[];
  /** Milliseconds until it is worth to look again although nothing happened, or null. */
  readonly againMs: number | null;
}

/**
 * So long a director may take to report before it is said that it has not: a new generation is told with its result, and
 * not twice. It is longer than the time between two renewals of a Lease, which a new summariser waits for.
 */
export const GRACE_MS = 15_000;

export function summarise(input: SummaryInput): Summary {
  const problems = problemsByObject(input.view.problems);
  const compiled = new Map(input.compiled.objects.map((object) => [object.owner.uid, object]));
  const selecting = selectors(input.compiled.objects);
  const realServers = new Map(
    input.view.world.objects.flatMap(({ uid, object, generation }) =>
      object.kind === 'RealServer' ? [[uid, { object, generation }] as const] : [],
    ),
  );
  const changes: StatusChange[] = [];
  let againMs: number | null = null;
  const consider = <S extends VirtualServiceStatus | RealServerStatus>(
    object: ApiObjectView<S>,
    result: Result<S>,
  ): void => {
    if (result.ms !== null) againMs = Math.min(againMs ?? result.ms, result.ms);
    if (result.kind === 'wait') return;
    if (!isSame(object.status, result.status)) {
      changes.push({ identity: object.identity, uid: object.uid, status: result.status });
    }
  };
  // An object that is newer than the view is told of when the view has it: the next turn brings us back here.
  const isJudged = ({ uid, generation }: ApiObjectView<unknown>): boolean => input.view.judged.get(uid) === generation;
  for (const object of input.virtualServices.filter(isJudged)) {
    const found = problems.get(identityText(object.identity)) ?? [];
    consider(object, virtualServiceStatusOf(object, compiled.get(object.uid) ?? null, found, input));
  }
  for (const object of input.realServers.filter(isJudged)) {
    const found = problems.get(identityText(object.identity)) ?? [];
    const inForce = realServers.get(object.uid) ?? null;
    consider(object, realServerStatusOf(object, inForce, selecting.get(object.uid) ?? [], found, input));
  }
  return { changes, againMs };
}

type Result<S> =
  /** After `ms` it may be another one although nothing happened. */
  | { readonly kind: 'status'; readonly status: S; readonly ms: number | null }
  | { readonly kind: 'wait'; readonly ms: number };

function virtualServiceStatusOf(
  object: ApiObjectView<VirtualServiceStatus>,
  service: CompiledService | null,
  problems: readonly Problem[],
  input: SummaryInput,
): Result<VirtualServiceStatus> {
  if (service === null) return neverAccepted(object, problems, input.now);
  const acceptance = accepted(service, problems);
  const state = stateOf(service, object, 'VirtualService', input);
  const programming = programmed(service, acceptance, state);
  const graceMs = programming.status === 'Unknown' ? graceLeft(state, object, input) : 0;
  const before = object.status?.conditions.find(({ type }) => type === 'Programmed');
  if (graceMs > 0 && (acceptance.status === 'True' || before === undefined)) return { kind: 'wait', ms: graceMs };
  const { site } = input.view.world;
  const served = state.programmed.length > 0 ? true : programming.status === 'Unknown' ? null : false;
  const isOwn = (address: string): boolean => site?.holders.has(address) === true;
  const announced = announcement(service.addresses, input.compiled.silences, isOwn, served);
  const inForce = service.generation;
  const acceptances = [observed(acceptance, object.generation), observed(resolvedRefs(service), inForce)];
  const outcomes = [observed(programming, inForce), observed({ type: 'Announced', ...announced }, inForce)];
  const told = object.status?.conditions ?? [];
  const { addresses, backends } = service;
  if (graceMs > 0) {
    // That it is not accepted is told at once; what directors have, when they have said so.
    const kept = told.filter(({ type }) => outcomes.some((outcome) => outcome.type === type));
    const conditions = [...transitions(acceptances, told, input.now), ...kept];
    return { kind: 'status', status: { ...object.status, addresses, conditions, backends }, ms: graceMs };
  }
  return {
    kind: 'status',
    status: {
      addresses,
      conditions: transitions([...acceptances, ...outcomes], told, input.now),
      backends,
      directors: { programmed: state.programmed.length, total: state.eligible.length },
    },
    ms: null,
  };
}

/** Nothing of it is known but what is wrong with it. Null problems: it is too new for the view that is summed up. */
function neverAccepted(
  object: ApiObjectView<VirtualServiceStatus>,
  problems: readonly Problem[],
  now: string,
): Result<VirtualServiceStatus> {
  if (problems.length === 0) return { kind: 'wait', ms: GRACE_MS };
  const acceptance = problemsOnly(problems);
  const { reason } = acceptance;
  const conditions = [
    acceptance,
    { type: 'ResolvedRefs', status: 'Unknown', reason, message: 'It was never accepted.' } as const,
    { type: 'Programmed', status: 'False', reason, message: 'It was never accepted.' } as const,
    { type: 'Announced', status: 'False', reason: 'NotAnnounced', message: 'It was never accepted.' } as const,
  ].map((condition) => observed(condition, object.generation));
  const status = { conditions: transitions(conditions, object.status?.conditions ?? [], now) };
  return { kind: 'status', status, ms: null };
}

function realServerStatusOf(
  object: ApiObjectView<RealServerStatus>,
  inForce: { readonly object: RealServer; readonly generation: number | null } | null,
  services: readonly CompiledService[],
  problems: readonly Problem[],
  input: SummaryInput,
): Result<RealServerStatus> {
  if (inForce === null && problems.length === 0) return { kind: 'wait', ms: GRACE_MS };
  const { site } = input.view.world;
  const acceptance = realServerAccepted(inForce?.object ?? null, problems, site);
  // What is wrong with a newer generation is not wrong with what is served.
  const standing = inForce === null ? acceptance : realServerAccepted(inForce.object, [], site);
  const programming = realServerProgrammed(object, services, standing, input);
  if (programming.kind === 'wait') return programming;
  const conditions = [
    observed(acceptance, object.generation),
    observed(programming.condition, inForce?.generation ?? object.generation),
  ];
  return {
    kind: 'status',
    status: { conditions: transitions(conditions, object.status?.conditions ?? [], input.now) },
    ms: null,
  };
}

function realServerAccepted(server: RealServer | null, problems: readonly Problem[], site: Site | null): Judgement {
  if (server === null) return problemsOnly(problems);
  const found = problems.length === 0 ? null : problemsOnly(problems);
  if (found?.status === 'False') {
    return { ...found, message: found.message.replace('It was never accepted, so it is not served.', KEPT) };
  }
  const address = canonicalAddress(server.spec.address) ?? server.spec.address;
  const refusal = site === null ? null : destinationRefusal(site.policy, address, 'person');
  if (refusal !== null) return { type: 'Accepted', status: 'False', ...refusal };
  return found ?? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The object is valid.' };
}

const KEPT = 'What was accepted before is still served.';

function realServerProgrammed(
  object: ApiObjectView<RealServerStatus>,
  services: readonly CompiledService[],
  standing: Judgement,
  input: SummaryInput,
): { readonly kind: 'judged'; readonly condition: Judgement } | { readonly kind: 'wait'; readonly ms: number } {
  const judged = (status: Judgement['status'], reason: string, message: string) =>
    ({ kind: 'judged', condition: { type: 'Programmed', status, reason, message } }) as const;
  if (services.length === 0) {
    return standing.status === 'False'
      ? judged('False', standing.reason, standing.message)
      : judged('False', 'NotSelected', 'No VirtualService selects it.');
  }
  const states = services.map((service) => ({ service, state: stateOf(service, object, 'RealServer', input) }));
  for (const { service, state } of states) {
    const [first] = state.failed;
    if (first !== undefined) {
      return judged('False', first.exception.reason, `VirtualService ${service.owner.name}: ${failureText(state)}`);
    }
  }
  const graceMs = Math.max(...states.map(({ state }) => graceLeft(state, object, input)));
  const waiting = states.flatMap(({ state }) => [...state.pending, ...state.partial]);
  if (waiting.length > 0) {
    if (graceMs > 0) return { kind: 'wait', ms: graceMs };
    return judged('Unknown', 'DirectorsUnknown', `Not reported yet: ${namesText([...new Set(waiting)])}.`);
  }
  if (standing.status === 'False') return judged('False', standing.reason, standing.message);
  if (states.every(({ state }) => state.programmed.length === 0)) {
    return judged('Unknown', 'DirectorsUnknown', 'None of the directors that should have it is alive.');
  }
  return judged('True', 'Programmed', 'The kernel of every director that should have it has it.');
}

/** Directors of one VirtualService, by what is known of them. */
interface ServiceState {
  /** Those that should have it, whether they live or not. */
  readonly eligible: readonly string[];
  /** Of these, those that live: */
  readonly programmed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly exception: DirectorException }[];
  /** They have not reported since the change. */
  readonly pending: readonly string[];
  /** They have more exceptions than they can tell. */
  readonly partial: readonly string[];
  /** When the newest of them was first seen alive. */
  readonly liveSinceMs: number;
}

function stateOf(
  service: CompiledService,
  { generationSince }: ApiObjectView<unknown>,
  kind: Identity['kind'],
  { directors }: SummaryInput,
): ServiceState {
  const { uid } = service.owner;
  const candidates = service.placement === null ? [] : eligibleDirectors(service.placement);
  const eligible: string[] = [];
  const programmedAt: string[] = [];
  const failed: ServiceState['failed'][number][] = [];
  const pending: string[] = [];
  const partial: string[] = [];
  let liveSinceMs = 0;
  for (const name of candidates) {
    const director = directors.get(name);
    const exception = director?.status?.exceptions.find((entry) => entry.uid === uid);
    // It knows that the address is another's: it is no director for this object.
    if (exception?.reason === 'NotHere') continue;
    eligible.push(name);
    if (director?.live !== true) continue;
    liveSinceMs = Math.max(liveSinceMs, director.liveSinceMs);
    if (director.status === null || !director.followed(kind, generationSince)) pending.push(name);
    else if (exception?.reason === 'Pending') pending.push(name);
    else if (exception !== undefined) failed.push({ name, exception });
    else if (director.status.truncated > 0) partial.push(name);
    else programmedAt.push(name);
  }
  return { eligible, programmed: programmedAt, failed, pending, partial, liveSinceMs };
}

function programmed(service: CompiledService, acceptance: Judgement, state: ServiceState): Judgement {
  const judge = (status: Judgement['status'], reason: string, message: string): Judgement => ({
    type: 'Programmed',
    status,
    reason,
    message,
  });
  const { eligible, programmed: has, failed, pending, partial } = state;
  if (eligible.length === 0) {
    const [reason, message] =
      acceptance.status === 'True'
        ? ['NotHere', 'No director can serve its addresses.']
        : [acceptance.reason, acceptance.message];
    return judge('False', reason, message);
  }
  if (service.keys.length === 0) {
    return judge('False', 'Conflict', 'Nothing is left to program: others have all its addresses and ports.');
  }
  const [first] = failed;
  if (first !== undefined) return judge('False', first.exception.reason, failureText(state));
  const waiting = [...pending, ...partial];
  if (waiting.length > 0) return judge('Unknown', 'DirectorsUnknown', `Not reported yet: ${namesText(waiting)}.`);
  if (has.length === 0) {
    return judge('Unknown', 'DirectorsUnknown', `None of its directors is alive: ${namesText(eligible)}.`);
  }
  return judge('True', 'Programmed', 'The kernel of every director that should have it has it.');
}

/** How long a missing report means nothing yet. */
function graceLeft(
  { liveSinceMs, pending }: ServiceState,
  { seenMs }: ApiObjectView<unknown>,
  { nowMs }: SummaryInput,
): number {
  if (pending.length === 0) return 0;
  return Math.max(0, Math.max(liveSinceMs, seenMs) + GRACE_MS - nowMs);
}

/** So many directors are named. */
const MOST_NAMES = 5;

function namesText(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}

function failureText({ failed }: ServiceState): string {
  const texts = new Map<string, string[]>();
  for (const { name, exception } of failed)
    texts.set(exception.message, [...(texts.get(exception.message) ?? []), name]);
  return [...texts].map(([message, names]) => `${namesText(names)}: ${message}`).join(' ');
}

/** Most that a condition holds (API: see src/crd/status.ts). */
const LONGEST_MESSAGE = 32_768;

function observed(condition: Judgement, generation: number | null): Judgement & { observedGeneration?: number } {
  const message = condition.message.slice(0, LONGEST_MESSAGE).toWellFormed();
  return { ...condition, message, ...(generation === null ? {} : { observedGeneration: generation }) };
}

function problemsByObject(problems: readonly Problem[]): Map<string, Problem[]> {
  const byObject = new Map<string, Problem[]>();
  for (const problem of problems) {
    if (problem.object === null) continue;
    const list = byObject.get(problem.object) ?? [];
    byObject.set(problem.object, list);
    list.push(problem);
  }
  return byObject;
}

/** VirtualServices by the uids of RealServers that they select. */
function selectors(services: readonly CompiledService[]): Map<string, CompiledService[]> {
  const byServer = new Map<string, CompiledService[]>();
  for (const service of services) {
    // What is not made at all says nothing about its real servers.
    if (service.refused || service.keys.length === 0) continue;
    for (const uid of service.realServers) {
      const list = byServer.get(uid) ?? [];
      byServer.set(uid, list);
      list.push(service);
    }
  }
  return byServer;
}

const isSame = (before: object | null, now: object): boolean => before !== null && isDeepStrictEqual(before, now);
