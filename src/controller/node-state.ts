/**
 * Everything that was observed of this node in one look, in the kernel's terms.
 */
import type { Link, LinkAddress } from '../host/links.ts';
import type { ObservedTable } from '../host/netfilter/table.ts';
import type { SysctlFinding } from '../host/sysctl.ts';
import type { WitnessServices } from '../host/witness.ts';
import type { ObservedService } from '../ipvs/types.ts';

export interface NodeState {
  readonly services: readonly ObservedService[];
  /** Null when our table does not exist. */
  readonly table: ObservedTable | null;
  /** Null when there is none for this boot and namespace. */
  readonly witness: WitnessServices | null;
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly wrongSettings: readonly SysctlFinding[];
}

/** The device that carries our VIPs. */
export const VIP_DEVICE = 'dummy-lvs';

/** The alias that marks the device as made by us. */
export const VIP_DEVICE_ALIAS = 'lvs-director';
