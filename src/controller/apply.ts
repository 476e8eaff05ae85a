/**
 * Carries out the steps of a plan in their order, in as few requests as their layers allow, and says of each step what
 * became of it. A step that fails stops only what depends on it.
 */
import type { LinkChange, LinkClient } from '../host/links.ts';
import type { NetfilterClient } from '../host/netfilter/nft.ts';
import type { IpvsClient } from '../ipvs/client.ts';
import type { NetlinkFailure, Result } from '../netlink/result.ts';
import type { Reason } from '../crd/reasons.ts';
import { parseServiceKeyText } from './ownership.ts';
import { type Step, stepWords } from './steps.ts';

export interface Kernel {
  readonly ipvs: IpvsClient;
  readonly links: LinkClient;
  readonly netfilter: NetfilterClient;
}

export interface StepFailure {
  readonly reason: Reason;
  readonly message: string;
  /** Whether a later look may find another state than the failure suggests (a timeout, a broken answer). */
  readonly uncertain: boolean;
}

export interface StepOutcome {
  readonly step: Step;
  readonly failure: StepFailure | null;
}

/** What became of a step, in one line; the table's creation, which is many, by its first. */
export function outcomeText({ step, failure }: StepOutcome): string {
  const [words = ''] = stepWords(step).split('\n');
  if (failure === null) return words;
  // What the kernel refused names the command already.
  return failure.message.startsWith(words) ? failure.message : `${words}: ${failure.message}`;
}

/** Run `steps`. `onOutcome` is called for each as soon as it is known. Never rejects for what a kernel refuses. */
export async function apply(
  steps: readonly Step[],
  kernel: Kernel,
  onOutcome: (outcome: StepOutcome) => void = () => undefined,
): Promise<readonly StepOutcome[]> {
  const run = {
    outcomes: [] as StepOutcome[],
    failed: new Set<string>(),
    keptInPlace: new Set<string>(),
    netfilterFailed: false,
    vipFailed: false,
  };
  for (const group of groupsOf(steps)) {
    const ready: Step[] = [];
    const record = (step: Step, failure: StepFailure | null): void => {
      if (failure !== null) noteFailure(step, run);
      const outcome = { step, failure };
      run.outcomes.push(outcome);
      onOutcome(outcome);
    };
    for (const step of group) {
      // In order: what is held back here holds back what belongs to it later in the same group.
      const why = obstacle(step, run, steps);
      if (why === null) ready.push(step);
      else record(step, why);
    }
    if (ready.length === 0) continue;
    const failures = await runGroup(ready, kernel);
    ready.forEach((step, index) => record(step, causeOf(failures[index] ?? null, step, run)));
  }
  return run.outcomes;
}

interface Run {
  readonly failed: Set<string>;
  /** Services whose removal failed: what they need stays. */
  readonly keptInPlace: Set<string>;
  netfilterFailed: boolean;
  /** A VIP that could not be taken away still answers: its filter and its services stay. */
  vipFailed: boolean;
}

function noteFailure(step: Step, run: Run): void {
  if (step.layer === 'netfilter') run.netfilterFailed = true;
  if (step.layer === 'link' && step.change.verb === 'delete-address') run.vipFailed = true;
  if (step.service === null || step.layer !== 'ipvs') return;
  if (step.change.verb === 'delete-service') run.keptInPlace.add(step.service);
  else if (step.change.verb === 'new-service') run.failed.add(step.service);
}

/** Why a step must not run after what has happened so far, or null. */
function obstacle(step: Step, run: Run, steps: readonly Step[]): StepFailure | null {
  if (run.vipFailed && step.removes && step.layer !== 'link')
    return waiting('a VIP could not be taken away, so what it needs stays');
  if (step.layer === 'netfilter' && step.change.verb === 'delete-element' && isHeldBy(step.service, run.keptInPlace)) {
    return waiting(`${step.service} could not be removed, so what it needs stays`);
  }
  if (step.layer === 'ipvs') {
    const appears = step.change.verb === 'new-service';
    if (appears && run.netfilterFailed) return waiting('the return path could not be made');
    const comesLater = step.change.verb !== 'delete-service' && isHeldBy(step.service, run.failed);
    if (!appears && comesLater) return waiting(`${step.service} could not be made`);
  }
  if (step.layer === 'link' && step.change.verb === 'add-address') {
    if (run.netfilterFailed) return waiting('the return path could not be made');
    const { address } = step.change;
    const comes = steps.filter((other) => makesServiceOn(other, address));
    if (comes.length > 0 && comes.every((other) => isHeldBy(other.service, run.failed))) {
      return waiting(`no service of ${address} could be made`);
    }
  }
  return null;
}

/** What followed a refused service in its batch was refused for that reason alone. */
const causeOf = (failure: StepFailure | null, step: Step, run: Run): StepFailure | null =>
  failure !== null && !failure.uncertain && step.layer === 'ipvs' && isHeldBy(step.service, run.failed)
    ? waiting(`${step.service ?? ''} could not be made`)
    : failure;

const isHeldBy = (service: string | null, set: ReadonlySet<string>): boolean => service !== null && set.has(service);

const makesServiceOn = (step: Step, address: string): boolean =>
  step.layer === 'ipvs' &&
  step.change.verb === 'new-service' &&
  step.service !== null &&
  parseServiceKeyText(step.service)?.address === address;

const waiting = (message: string): StepFailure => ({ reason: 'Waiting', message, uncertain: false });

/** Neighbouring steps of one layer go together. */
function groupsOf(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]?.layer === step.layer && !dividesIpvs(last[0], step)) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/** A service and its destinations are made in one batch; what follows a refused service is refused by the kernel too. */
const dividesIpvs = (first: Step, next: Step): boolean =>
  first.layer === 'ipvs' &&
  next.layer === 'ipvs' &&
  (first.change.verb === 'delete-service') !== (next.change.verb === 'delete-service');

async function runGroup(steps: readonly Step[], kernel: Kernel): Promise<readonly (StepFailure | null)[]> {
  const layer = steps[0]?.layer;
  if (layer === 'ipvs') {
    const changes = steps.flatMap((step) => (step.layer === 'ipvs' ? [step.change] : []));
    return (await kernel.ipvs.change(changes)).map((result, index) => ipvsFailure(result, steps[index]));
  }
  if (layer === 'link') {
    const changes = steps.flatMap((step) => (step.layer === 'link' ? [step.change] : []));
    return (await kernel.links.change(changes)).map((result, index) => linkFailure(result, changes[index]));
  }
  if (layer === 'netfilter') {
    const changes = steps.flatMap((step) => (step.layer === 'netfilter' ? [step.change] : []));
    const result = await kernel.netfilter.change(changes);
    const failure: StepFailure | null = result.ok
      ? null
      : { reason: 'NetfilterFailed', message: result.message, uncertain: true };
    return steps.map(() => failure);
  }
  return steps.map(() => waiting('kernel settings are written by `lvs-director init`'));
}

function ipvsFailure(result: Result<null>, step: Step | undefined): StepFailure | null {
  if (result.ok) return null;
  const { error } = result;
  if (step?.layer !== 'ipvs') return refused(error);
  const { change } = step;
  // Gone already is what a removal wanted. ESRCH: there is no such service; ENOENT: it has no such destination.
  if (change.verb === 'delete-service' && error.errno === 'ESRCH') return null;
  if (change.verb === 'delete-destination' && (error.errno === 'ESRCH' || error.errno === 'ENOENT')) return null;
  if (change.verb === 'new-service' || change.verb === 'set-service') {
    // ENOENT on a service means that its scheduler does not exist (ip_vs_ctl.c:ip_vs_add_service).
    if (error.errno === 'ENOENT') {
      const message = `this kernel has no scheduler ${change.service.config.scheduler}; load ip_vs_${change.service.config.scheduler} or choose another`;
      return { reason: 'SchedulerUnavailable', message, uncertain: false };
    }
    if (error.errno === 'EEXIST') {
      return {
        reason: 'Conflict',
        message: 'somebody else made the same service at the same moment',
        uncertain: false,
      };
    }
  }
  return refused(error);
}

function linkFailure(result: Result<null>, change: LinkChange | undefined): StepFailure | null {
  if (result.ok) return null;
  // An address that is already gone is what a removal wanted.
  if (change?.verb === 'delete-address' && result.error.errno === 'EADDRNOTAVAIL') return null;
  return refused(result.error);
}

const refused = (error: NetlinkFailure): StepFailure => ({
  reason: 'KernelRefused',
  message: error.message,
  uncertain: error.kind !== 'kernel',
});
