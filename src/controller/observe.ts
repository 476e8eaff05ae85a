/**
 * One look at the whole node. Either everything was seen, or it is a failure with a reason: nothing is ever concluded
 * from a part.
 */
import type { WitnessFile } from '../host/witness.ts';
import { wrongSettings } from '../host/sysctl.ts';
import type { Kernel } from './apply.ts';
import type { NodeState } from './node-state.ts';

export type Observation =
  | { readonly ok: true; readonly state: NodeState }
  | { readonly ok: false; readonly message: string };

export interface Node extends Kernel {
  readonly witness: WitnessFile;
  readonly settings?: typeof wrongSettings;
}

export async function observe(node: Node): Promise<Observation> {
  try {
    const [services, table, links, witness, settings] = await Promise.all([
      node.ipvs.list(),
      node.netfilter.observe(),
      node.links.list(),
      node.witness.read(),
      (node.settings ?? wrongSettings)(),
    ]);
    if (!services.ok) return { ok: false, message: services.error.message };
    if (!table.ok) return { ok: false, message: table.message };
    if (!links.ok) return { ok: false, message: links.error.message };
    return {
      ok: true,
      state: { services: services.value, table: table.value, witness, ...links.value, wrongSettings: settings },
    };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
