/**
 * lvs-director as the agent of a node of the cluster: its command line, and the files that it needs in the lab.
 */
import { BUNDLED, ENVIRONMENT } from '../agent.ts';
import type { Finished, LabProcess } from '../process.ts';
import type { Network } from '../topology.ts';

/** Where deploy/ puts the agents, and the ServiceAccount that it gives them. */
export const AGENT_NAMESPACE = 'lvs-director';
export const AGENT_ACCOUNT = 'lvs-director';

/** What the LAN of the cluster has for VIPs. */
const ALLOWED_ADDRESSES = '192.168.112.0/24,fd00:112::/64';

/** Where the files of its agent lie; in a native lab that is the machine's own folder. */
export const agentHome = (network: Network, node: string): string => `/tmp/${network.namespace(node)}`;

/** Put a kubeconfig where the agent of this node looks for it. */
export async function writeAgentKubeconfig(network: Network, node: string, kubeconfig: string): Promise<void> {
  const script = 'umask 077; mkdir -p "$1"; cat >"$1/kubeconfig.part"; mv "$1/kubeconfig.part" "$1/kubeconfig"';
  await network.run(node, ['sh', '-euc', script, 'write', agentHome(network, node)], { input: kubeconfig });
}

/** Kernel modules and settings, as the init container sets them. */
export async function initNode(network: Network, node: string): Promise<void> {
  await network.run(node, [...BUNDLED, 'init'], { env: ENVIRONMENT });
}

export const startNodeAgent = (network: Network, node: string, flags: readonly string[]): Promise<LabProcess> =>
  network.start(
    node,
    [
      ...BUNDLED,
      'run',
      `--kubeconfig=${agentHome(network, node)}/kubeconfig`,
      `--node-name=${node}`,
      `--namespace=${AGENT_NAMESPACE}`,
      `--allow-addresses=${ALLOWED_ADDRESSES}`,
      `--state-directory=${agentHome(network, node)}/state`,
      ...flags,
    ],
    { env: ENVIRONMENT },
  );

/** Another command of lvs-director on the node; any exit code. */
export const runNodeCommand = (network: Network, node: string, argv: readonly string[]): Promise<Finished> =>
  network.attempt(node, [...BUNDLED, ...argv], { env: ENVIRONMENT });
