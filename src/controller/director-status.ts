/**
 * What a director says about itself, from what its agent knows after a turn. Pure. It lists what is not as it should be;
 * everything else that it has followed is programmed here.
 */
import type { DirectorException, DirectorStatus } from '../crd/director.ts';
import type { StatusCondition } from '../crd/status.ts';
import { findingText } from '../host/sysctl.ts';
import type { IpvsInfo } from '../ipvs/types.ts';
import type { Turn } from './agent.ts';
import { objectStatuses } from './status.ts';

export interface DirectorFacts {
  readonly agentVersion: string;
  /** As uname -r says it. */
  readonly kernelRelease: string;
  readonly ipvs: IpvsInfo;
  /** Name of the Node. */
  readonly self: string;
}

/** Most that a Director holds (API: see src/crd/director.ts). */
const MOST_EXCEPTIONS = 256;
const MOST_VIPS = 1024;
/** A Director is at most so large, whatever the messages in it. */
export const MOST_BYTES = 64 * 1024;
const LONGEST_MESSAGE = 1024;

/** The status now; `before` tells since when conditions are as they are. Times are RFC 3339. */
export function directorStatusOf(
  turn: Turn,
  facts: DirectorFacts,
  before: DirectorStatus | null,
  now: string,
): DirectorStatus {
  const { compiled, last, applied } = turn;
  const exceptions = exceptionsOf(turn, facts.self);
  const services = [...compiled.services.values()];
  const destinations = services.reduce((sum, { destinations: each }) => sum + each.length, 0);
  const status: DirectorStatus = {
    conditions: transitions(conditionsOf(turn), before?.conditions ?? [], now),
    agentVersion: facts.agentVersion,
    kernel: {
      release: facts.kernelRelease,
      ipvsVersion: facts.ipvs.version,
      connectionTableSize: facts.ipvs.connectionTableSize,
    },
    observed: observedVersions(applied),
    counts: {
      virtualServices: new Set(services.map(({ owner }) => owner.uid)).size,
      services: services.length,
      destinations,
    },
    vips: [...(last?.plan.vips ?? [])].toSorted().slice(0, MOST_VIPS),
    exceptions: exceptions.slice(0, MOST_EXCEPTIONS),
    truncated: Math.max(0, exceptions.length - MOST_EXCEPTIONS),
  };
  return bounded(status);
}

function observedVersions(applied: Turn['applied']): DirectorStatus['observed'] {
  const { virtualServices = null, realServers = null } = applied?.changes ?? {};
  return { ...(virtualServices === null ? {} : { virtualServices }), ...(realServers === null ? {} : { realServers }) };
}

/** VirtualServices that this director should have, or could have but for its addresses, and that it does not have. */
function exceptionsOf({ compiled, view, last }: Turn, self: string): DirectorException[] {
  const generations = new Map(compiled.objects.map(({ owner, generation }) => [owner.uid, generation]));
  const matching = new Set(
    compiled.objects.flatMap(({ owner, placement }) =>
      placement?.matching.includes(self) === true ? [owner.uid] : [],
    ),
  );
  return objectStatuses(compiled, view.problems, last).flatMap(({ object, uid, conditions }) => {
    const programmed = conditions.find(({ type }) => type === 'Programmed');
    if (uid === null || !matching.has(uid) || programmed === undefined || programmed.status === 'True') return [];
    const [namespace = '', name = ''] = object.replace(/^\S+ /, '').split('/');
    const generation = generations.get(uid) ?? null;
    return [
      {
        kind: 'VirtualService' as const,
        namespace,
        name,
        uid,
        ...(generation === null ? {} : { generation }),
        condition: 'Programmed',
        reason: programmed.reason,
        message: programmed.message.slice(0, LONGEST_MESSAGE),
      },
    ];
  });
}

export type Judgement = Pick<StatusCondition, 'type' | 'status' | 'reason' | 'message'>;

function conditionsOf({ last, trouble, view }: Turn): Judgement[] {
  return [kernelReady(last), synced(last, trouble ?? incomplete(view))];
}

function kernelReady(last: Turn['last']): Judgement {
  if (last === null) {
    return { type: 'KernelReady', status: 'Unknown', reason: 'Pending', message: 'It was not looked at yet.' };
  }
  const wrong = last.state.wrongSettings.filter(({ setting }) => setting.required).map(findingText);
  return wrong.length === 0
    ? {
        type: 'KernelReady',
        status: 'True',
        reason: 'KernelReady',
        message: 'IPVS is there, and the settings are right.',
      }
    : {
        type: 'KernelReady',
        status: 'False',
        reason: 'KernelNotReady',
        message: `${wrong.join('; ')}. Run \`lvs-director init\` on the node.`,
      };
}

function synced(last: Turn['last'], trouble: string | null): Judgement {
  const type = 'Synced';
  if (trouble !== null)
    return { type, status: 'False', reason: 'NotSynced', message: trouble.slice(0, 8 * LONGEST_MESSAGE) };
  if (last?.converged === true) {
    return { type, status: 'True', reason: 'Synced', message: 'All objects were read, and the kernel was told.' };
  }
  return {
    type,
    status: 'False',
    reason: 'NotSynced',
    message: 'The kernel does not have everything: see exceptions.',
  };
}

/** Kinds that cannot be followed, and objects that vanished without a deletion. */
function incomplete({ problems }: Turn['view']): string | null {
  const told = problems.filter(({ reason }) => reason === 'SourceIncomplete').map(({ message }) => message);
  return told.length === 0 ? null : told.join('; ');
}

/** The time at which a condition became what it is. */
export function transitions<T extends Judgement>(
  conditions: readonly T[],
  before: readonly StatusCondition[],
  now: string,
): (T & { readonly lastTransitionTime: string })[] {
  return conditions.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    return {
      ...condition,
      lastTransitionTime: known?.status === condition.status ? known.lastTransitionTime : now,
    };
  });
}

/** Leaves out exceptions until the rest fits. */
function bounded(status: DirectorStatus): DirectorStatus {
  let fitting = status;
  while (Buffer.byteLength(JSON.stringify(fitting)) > MOST_BYTES && fitting.exceptions.length > 0) {
    const kept = Math.floor(fitting.exceptions.length / 2);
    const left = fitting.exceptions.length - kept;
    fitting = { ...fitting, exceptions: fitting.exceptions.slice(0, kept), truncated: fitting.truncated + left };
  }
  return fitting;
}
