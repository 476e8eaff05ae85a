/**
 * `lvs-director cleanup`: removes exactly what is ours, by the same plan and the same care as `run`: a desired state in
 * which no object exists.
 */
import { apply, outcomeText, type StepOutcome } from '../controller/apply.ts';
import type { Desired } from '../controller/desired.ts';
import { VIP_DEVICE, VIP_DEVICE_ALIAS } from '../controller/node-state.ts';
import { type Node, observe } from '../controller/observe.ts';
import { reconcile } from '../controller/reconcile.ts';
import type { Step } from '../controller/steps.ts';
import { holderText, takeNodeLock } from '../host/lock.ts';
import { EXIT } from './exit.ts';
import { openNode } from './node.ts';

const NOTHING: Desired = {
  services: new Map(),
  silent: new Set(),
  retained: { all: false, uids: new Set() },
};

export async function cleanupCommand(options: { runDirectory: string }): Promise<number> {
  const lock = await takeNodeLock({ pid: process.pid, command: 'cleanup', since: new Date().toISOString() });
  if (!lock.held) {
    process.stderr.write(
      `lvs-director: this node is directed by ${holderText(lock.holder)}; stop it first, or it would make everything again\n`,
    );
    return EXIT.failed;
  }
  const opened = await openNode(options.runDirectory);
  if (!opened.ok) {
    process.stderr.write(`lvs-director: ${opened.message}\n`);
    await lock.release();
    return EXIT.failed;
  }
  const removed: StepOutcome[] = [];
  const failure = await removeAll(opened.node, (outcome) => {
    removed.push(outcome);
    if (outcome.failure === null) process.stdout.write(`${outcomeText(outcome)}\n`);
    else process.stderr.write(`lvs-director: ${outcomeText(outcome)}\n`);
  });
  opened.close();
  await lock.release();
  if (failure !== null) {
    process.stderr.write(`lvs-director: ${failure}\n`);
    return EXIT.failed;
  }
  if (removed.length === 0) process.stdout.write('Nothing of ours is here.\n');
  return EXIT.ok;
}

async function removeAll(node: Node, onOutcome: (outcome: StepOutcome) => void): Promise<string | null> {
  const result = await reconcile(NOTHING, node, onOutcome);
  if (!result.ok) return result.message;
  if (!result.value.converged) return 'not everything could be removed; the lines above say what is left';
  const look = await observe(node);
  if (!look.ok) return look.message;
  // With no service left the table and the device serve nobody; other people's addresses on it keep the device.
  const { table, links, addresses } = look.state;
  const steps: Step[] = [];
  const step = { owner: null, service: null, removes: true } as const;
  const device = links.find(
    (link) => link.name === VIP_DEVICE && link.kind === 'dummy' && link.alias === VIP_DEVICE_ALIAS,
  );
  const used = addresses.some((entry) => entry.linkIndex === device?.index && !/^fe[89ab]/.test(entry.address));
  if (device !== undefined && !used)
    steps.push({ ...step, layer: 'link', change: { verb: 'delete-link', name: VIP_DEVICE } });
  if (table !== null && !used) steps.push({ ...step, layer: 'netfilter', change: { verb: 'delete-table' } });
  const outcomes = await apply(steps, node, onOutcome);
  return outcomes.some((outcome) => outcome.failure !== null) ? 'the device or the table could not be removed' : null;
}
