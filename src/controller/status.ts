/**
 * What really happened, as conditions of the objects. Pure: the same function serves one node without a cluster and,
 * node by node, the one that sums up for many.
 */
import type { Problem } from '../crd/problem.ts';
import { problemText } from '../crd/problem.ts';
import type { Reason } from '../crd/reasons.ts';
import { findingText } from '../host/sysctl.ts';
import { announcement } from './announced.ts';
import type { StepOutcome } from './apply.ts';
import type { Compiled, CompiledService } from './compile.ts';
import type { NodePlan } from './node-plan.ts';
import type { NodeState } from './node-state.ts';

export const CONDITION_TYPES = ['Accepted', 'ResolvedRefs', 'Programmed', 'Announced'] as const;

export interface Condition {
  readonly type: (typeof CONDITION_TYPES)[number];
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

export interface ObjectStatus {
  /** `VirtualService default/web`. */
  readonly object: string;
  /** Null when nothing of the object could be understood. */
  readonly uid: string | null;
  /** Key texts of its services. */
  readonly services: readonly string[];
  readonly conditions: readonly Condition[];
}

/** What the last reconciliation knows; null before the first. */
export interface Progress {
  readonly plan: NodePlan;
  readonly state: NodeState;
  readonly outcomes: readonly StepOutcome[];
}

/** Conditions of all VirtualServices, and of objects of any kind that have a problem. In order of their names. */
export function objectStatuses(
  compiled: Compiled,
  problems: readonly Problem[],
  progress: Progress | null,
): ObjectStatus[] {
  const byObject = new Map<string, Problem[]>();
  for (const problem of problems) {
    if (problem.object === null) continue;
    byObject.set(problem.object, [...(byObject.get(problem.object) ?? []), problem]);
  }
  const statuses = compiled.objects.map((service): ObjectStatus => {
    const object = `VirtualService ${service.owner.name}`;
    const found = byObject.get(object) ?? [];
    byObject.delete(object);
    const acceptance = accepted(service, found);
    const programming = programmed(service, acceptance, progress);
    return {
      object,
      uid: service.owner.uid,
      services: service.keys,
      conditions: [acceptance, resolvedRefs(service), programming, announced(service, compiled, programming, progress)],
    };
  });
  for (const [object, found] of byObject) {
    statuses.push({
      object,
      uid: null,
      services: [],
      conditions: [problemsOnly(found)],
    });
  }
  return statuses.toSorted((a, b) => (a.object < b.object ? -1 : 1));
}

const STILL_SERVED = 'What was accepted before is still served.';
const NOT_MADE = 'What the kernel has of it stays, and nothing is made.';

/** Of an object that is known by its problems only. */
export function problemsOnly(problems: readonly Problem[]): Condition {
  const serious = problems.filter(({ reason }) => reason !== 'UnknownField');
  return serious.length > 0 ? refusal(serious, 'It was never accepted, so it is not served.') : warned(problems);
}

/** Whether an object counts as it is, given the problems that its source found. */
export function accepted(service: CompiledService, problems: readonly Problem[]): Condition {
  const serious = problems.filter(({ reason }) => reason !== 'UnknownField');
  if (serious.length > 0) return refusal(serious, service.refused ? NOT_MADE : STILL_SERVED);
  const remarks = service.remarks.filter((remark) => remark.condition === 'Accepted');
  const first = remarks[0];
  if (first === undefined) return warned(problems);
  return condition('Accepted', 'False', first.reason, remarks.map((remark) => remark.message).join('; '));
}

/** Valid, though perhaps with fields that mean nothing to this version. */
function warned(warnings: readonly Problem[]): Condition {
  if (warnings.length === 0) return condition('Accepted', 'True', 'Accepted', 'The object is valid.');
  const texts = warnings.map((problem) => problemText({ ...problem, object: null }));
  return condition('Accepted', 'True', 'UnknownField', `The object is valid, but: ${texts.join('; ')}`);
}

function refusal(problems: readonly Problem[], consequence: string): Condition {
  const texts = problems.map((problem) => problemText({ ...problem, object: null }));
  return condition('Accepted', 'False', problems[0]?.reason ?? 'Invalid', `${texts.join('; ')} ${consequence}`);
}

export function resolvedRefs(service: CompiledService): Condition {
  const remarks = service.remarks.filter((remark) => remark.condition === 'ResolvedRefs');
  const first = remarks[0];
  if (first === undefined) return condition('ResolvedRefs', 'True', 'ResolvedRefs', 'Every back end was found.');
  return condition('ResolvedRefs', 'False', first.reason, remarks.map((remark) => remark.message).join('; '));
}

function programmed(service: CompiledService, acceptance: Condition, progress: Progress | null): Condition {
  if (progress === null) return condition('Programmed', 'Unknown', 'Pending', 'The kernel has not been looked at yet.');
  const { plan, state } = progress;
  if (service.keys.length === 0) {
    return condition(
      'Programmed',
      'False',
      'Conflict',
      'Nothing is left to program: others have all its addresses and ports.',
    );
  }
  const keys = service.keysHere;
  if (keys.length === 0) {
    return condition('Programmed', 'False', 'NotHere', 'This node does not serve it: other directors do, or none.');
  }
  const conflicts = keys.filter((key) => plan.conflicts.has(key));
  if (conflicts.length > 0) {
    const message = `${conflicts.join(', ')}: IPVS has this service already and it is not ours; remove it there, or change the object`;
    return condition('Programmed', 'False', 'Conflict', message);
  }
  if (keys.some((key) => plan.held.has(key))) {
    const wrong = state.wrongSettings.filter((finding) => finding.setting.required).map(findingText);
    return condition('Programmed', 'False', 'SysctlWrong', `${wrong.join('; ')}. Run \`lvs-director init\`.`);
  }
  if (service.refused && keys.some((key) => !plan.ours.has(key))) {
    return condition('Programmed', 'False', acceptance.reason, acceptance.message);
  }
  const failures = latestFailures(service, progress.outcomes);
  const first = failures.find((outcome) => outcome.failure?.reason !== 'Waiting') ?? failures[0];
  if (first?.failure !== undefined && first.failure !== null) {
    return condition('Programmed', 'False', first.failure.reason, first.failure.message);
  }
  if (plan.steps.some((step) => concerns(step.owner?.uid ?? null, service))) {
    return condition('Programmed', 'False', 'Pending', 'The kernel does not have all of it yet.');
  }
  return condition('Programmed', 'True', 'Programmed', 'The kernel has it.');
}

function announced(
  { addresses }: CompiledService,
  { silences }: Compiled,
  programming: Condition,
  progress: Progress | null,
): Condition {
  const served = programming.status === 'Unknown' ? null : programming.status === 'True';
  const isOwn = (address: string): boolean => progress?.plan.vips.has(address) !== true;
  const { status, reason, message } = announcement(addresses, silences, isOwn, served);
  return condition('Announced', status, reason, message);
}

/** Failures of steps for this object, or for all, that were not made good later in the same reconciliation. */
function latestFailures(service: CompiledService, outcomes: readonly StepOutcome[]): StepOutcome[] {
  const latest = new Map<string, StepOutcome>();
  for (const outcome of outcomes) {
    if (!concerns(outcome.step.owner?.uid ?? null, service)) continue;
    latest.set(JSON.stringify([outcome.step.layer, outcome.step.change]), outcome);
  }
  return [...latest.values()].filter((outcome) => outcome.failure !== null);
}

const concerns = (uid: string | null, service: CompiledService): boolean => uid === null || uid === service.owner.uid;

const condition = (
  type: Condition['type'],
  status: Condition['status'],
  reason: Reason,
  message: string,
): Condition => ({
  type,
  status,
  reason,
  message,
});
