/** What an agent in a cluster knows after a turn over a kernel in memory. */
import type { Turn } from '../../src/controller/agent.ts';
import { desiredOf } from '../../src/controller/compile.ts';
import { reconcile } from '../../src/controller/reconcile.ts';
import { seenBy, type Situation } from './summing.ts';
import { memoryKernel, type MemoryKernel } from './memory-kernel.ts';

/** What is the matter with the kernel. */
export type Disturb = (kernel: MemoryKernel) => void;

export interface TurnOptions extends Situation {
  readonly kernel?: Disturb;
}

/** Its Node has 192.168.112.151. */
export async function turnOf({ kernel: disturb, ...situation }: TurnOptions): Promise<Turn> {
  const { view, compiled } = seenBy(situation);
  const kernel = memoryKernel({ nodeAddresses: ['192.168.112.151'] });
  disturb?.(kernel);
  const result = await reconcile(desiredOf(compiled, view.retained), kernel.node, () => undefined);
  const changes = { virtualServices: '120', realServers: '110' };
  const events = { virtualServices: '140', realServers: '130' };
  return {
    view,
    compiled,
    last: result.ok ? result.value : null,
    applied: { changes, events },
    trouble: result.ok ? null : result.message,
  };
}
