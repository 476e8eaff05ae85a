/**
 * One reconciliation: look, plan, look again before anything is taken away, write the witness, apply, and look whether
 * it is so now.
 */
import type { WitnessEntry, WitnessServices } from '../host/witness.ts';
import { apply, type StepOutcome } from './apply.ts';
import type { Desired } from './desired.ts';
import { planNode, type NodePlan } from './node-plan.ts';
import { resolveOwnership } from './ownership.ts';
import type { NodeState } from './node-state.ts';
import { type Node, observe } from './observe.ts';
import { type Step, stepIdentity } from './steps.ts';

export interface Reconciled {
  /** Nothing differs any more. */
  readonly converged: boolean;
  readonly plan: NodePlan;
  readonly state: NodeState;
  readonly outcomes: readonly StepOutcome[];
}

export type ReconcileResult =
  | { readonly ok: true; readonly value: Reconciled }
  /** The node could not be looked at; nothing was changed since the last look that succeeded. */
  | { readonly ok: false; readonly message: string };

/** Putting the table back, removing and confirming take one round each; one more is for somebody who interferes. */
const MOST_ROUNDS = 4;

export async function reconcile(
  desired: Desired,
  node: Node,
  onOutcome: (outcome: StepOutcome) => void,
): Promise<ReconcileResult> {
  const outcomes: StepOutcome[] = [];
  let last: { plan: NodePlan; state: NodeState } | null = null;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const look = await agreedPlan(desired, node);
    if (!look.ok) return look;
    const { plan, state, steps } = look;
    last = { plan, state };
    if (steps.length === 0) {
      await node.witness.write(settledWitness(plan, state.witness, new Set()));
      return { ok: true, value: { converged: plan.steps.length === 0, plan, state, outcomes } };
    }
    await node.witness.write(witnessBefore(plan, state.witness));
    const results = await apply(steps, node, onOutcome);
    outcomes.push(...results);
    const lostRace = await undoLostRaces(results, state, node, onOutcome);
    const failed = results.filter((result) => result.failure !== null);
    await node.witness.write(settledWitness(plan, state.witness, leftBehind(results)));
    // What was refused once is refused again at once; the caller tries again later. Who won a race waits for nothing.
    if (!lostRace && failed.some((result) => result.failure?.uncertain === false)) break;
  }
  if (last === null) return { ok: false, message: 'no look at the node was made' };
  // What could be done was done: only a look after it tells what is still missing, and for whom.
  const final = await observe(node);
  if (final.ok) last = { plan: planNode(desired, final.state), state: final.state };
  return { ok: true, value: { converged: false, ...last, outcomes } };
}

type Agreed =
  | { readonly ok: true; readonly plan: NodePlan; readonly state: NodeState; readonly steps: readonly Step[] }
  | { readonly ok: false; readonly message: string };

/**
 * A plan whose removals two complete looks agree on, with no write of ours between them. An IPVS dump has no mark for
 * "interrupted" (ip_vs_ctl.c keeps a plain index), so one look may miss an entry or show it twice.
 */
async function agreedPlan(desired: Desired, node: Node): Promise<Agreed> {
  const first = await observe(node);
  if (!first.ok) return first;
  const plan = planNode(desired, first.state);
  if (!plan.steps.some((step) => step.removes)) return { ok: true, plan, state: first.state, steps: plan.steps };
  const second = await observe(node);
  if (!second.ok) return second;
  const again = planNode(desired, second.state);
  const seen = new Set(plan.steps.filter((step) => step.removes).map(stepIdentity));
  const steps = again.steps.filter((step) => !step.removes || seen.has(stepIdentity(step)));
  return { ok: true, plan: again, state: second.state, steps };
}

/** What is and what will be ours; only what stays as it is counts as settled. */
function witnessBefore(plan: NodePlan, now: WitnessServices | null): WitnessServices {
  const before = new Map<string, WitnessEntry>();
  for (const [text, entry] of now ?? []) before.set(text, { ...entry, settled: entry.settled && plan.ours.has(text) });
  for (const [text, { owner, masquerade, silent }] of plan.ours) {
    const settled = before.get(text)?.settled ?? false;
    before.set(text, { uid: owner.uid, name: owner.name, masquerade, settled, silent });
  }
  return before;
}

function settledWitness(plan: NodePlan, now: WitnessServices | null, left: ReadonlySet<string>): WitnessServices {
  const after = new Map<string, WitnessEntry>();
  for (const text of left) {
    const entry = now?.get(text);
    if (entry !== undefined) after.set(text, { ...entry, settled: false });
  }
  for (const [text, { owner, masquerade, silent }] of plan.ours) {
    after.set(text, { uid: owner.uid, name: owner.name, masquerade, settled: !left.has(text), silent });
  }
  return after;
}

/** Services of which a step failed, so that what the kernel has is not certain. */
const leftBehind = (outcomes: readonly StepOutcome[]): Set<string> =>
  new Set(outcomes.flatMap(({ step, failure }) => (failure !== null && step.service !== null ? [step.service] : [])));

/**
 * Between our look and our write somebody else made a service of the same key. The ledger already names it as ours, which
 * it is not: take that back at once. The next look sees whose it is, and its plan puts the filter right for both. True
 * when there was such a service.
 */
async function undoLostRaces(
  outcomes: readonly StepOutcome[],
  before: NodeState,
  node: Node,
  onOutcome: (outcome: StepOutcome) => void,
): Promise<boolean> {
  // One that was ours already is only one that the last dump missed (see `agreedPlan`).
  const ours = resolveOwnership(before.table?.elements ?? null, before.witness);
  const lost = new Set(
    outcomes.flatMap(({ step, failure }) =>
      failure?.reason === 'Conflict' && step.service !== null && !ours.has(step.service) ? [step.service] : [],
    ),
  );
  const undo = outcomes.flatMap(({ step, failure }): Step[] => {
    if (failure !== null || step.service === null || !lost.has(step.service)) return [];
    if (step.layer === 'ipvs' && step.change.verb === 'new-destination') {
      // It followed in the same batch and went into a service that is not ours.
      const { service, destination } = step.change;
      return [{ ...step, change: { verb: 'delete-destination', service, key: destination.key } }];
    }
    if (step.layer !== 'netfilter' || step.change.verb !== 'add-element') return [];
    const { set, element } = step.change;
    // Its port stays declared for as long as its address is filtered.
    if (set === 'svc4' || set === 'svc6') return [];
    return [{ ...step, change: { verb: 'delete-element', set, element } }];
  });
  await apply(undo, node, onOutcome);
  return lost.size > 0;
}
