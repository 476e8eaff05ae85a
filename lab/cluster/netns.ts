/**
 * The provider `netns`: directors are network namespaces in a lab, and the API server runs on this machine.
 */
import { HOST_IN_LAB } from '../expose.ts';
import type { Lab } from '../lab.ts';
import { serveText } from '../servers.ts';
import { makeNetwork } from '../topology.ts';
import {
  AGENT_ACCOUNT,
  AGENT_NAMESPACE,
  agentHome,
  initNode,
  runNodeCommand,
  startNodeAgent,
  writeAgentKubeconfig,
} from './agent.ts';
import { startControlPlane } from './control-plane.ts';
import { applyDeploy } from './deploy.ts';
import { makeEnds } from './ends.ts';
import { type Layout, makeLayout, nodeSpecs, POD_RANGES, REAL_SERVER_PORT, WORKER } from './layout.ts';
import { DIRECTOR_LABEL, makeNodeObject, type NodeObjectSpec } from './objects.ts';
import type { Cluster, ClusterOptions, ClusterProvider } from './provider.ts';

export const netnsProvider = (lab: Lab): ClusterProvider => ({
  name: 'netns',
  start: (options = {}) => startCluster(lab, options),
});

async function startCluster(lab: Lab, options: ClusterOptions): Promise<Cluster> {
  const layout = makeLayout(options.directors ?? 2, options.realServers ?? 2);
  const ends = makeEnds();
  const makeControlPlane = async (): Promise<Cluster['controlPlane']> => {
    const controlPlane = await startControlPlane();
    ends.add(() => controlPlane.stop());
    await Promise.all([applyDeploy(controlPlane), lab.expose(controlPlane.port)]);
    const nodes = nodeObjects(layout, options);
    await Promise.all(nodes.map((node) => makeNodeObject(controlPlane, node)));
    return controlPlane;
  };
  const layOut = async (): Promise<Cluster['network']> => {
    const network = await makeNetwork(lab, nodeSpecs(layout));
    const homes = layout.directors.map(({ name }) => agentHome(network, name));
    ends.add(async () => void (await lab.run(['rm', '-rf', ...homes])));
    ends.add(() => network.remove());
    await Promise.all([
      ...layout.directors.map(({ name }) => initNode(network, name)),
      ...layout.realServers.map(({ name, number }) => serveText(network, name, REAL_SERVER_PORT, String(number))),
    ]);
    return network;
  };
  const [made, laidOut] = await Promise.allSettled([makeControlPlane(), layOut()]);
  try {
    if (made.status === 'rejected') throw made.reason;
    if (laidOut.status === 'rejected') throw laidOut.reason;
    const [controlPlane, network] = [made.value, laidOut.value];
    const token = await controlPlane.token(AGENT_ACCOUNT, AGENT_NAMESPACE);
    const kubeconfig = controlPlane.kubeconfig({ token }, HOST_IN_LAB);
    await Promise.all(layout.directors.map(({ name }) => writeAgentKubeconfig(network, name, kubeconfig)));
    return {
      ...layout,
      controlPlane,
      lab,
      network,
      startAgent: (director, ...flags) => startNodeAgent(network, director, flags),
      command: (director, ...argv) => runNodeCommand(network, director, argv),
      stop: () => ends.run(),
    };
  } catch (error) {
    await ends.run();
    throw error;
  }
}

/** Directors; `worker`, where Pods of real servers are; and those that are asked for. */
function nodeObjects(layout: Layout, { nodes = [], directorLabels = {} }: ClusterOptions): NodeObjectSpec[] {
  return [
    ...layout.directors.map(({ name, number, address, address6 }) => ({
      name,
      addresses: [address, address6],
      podCIDRs: [`10.244.${number}.0/24`, `fd00:244:0:${number}::/64`],
      labels: { ...DIRECTOR_LABEL, ...directorLabels[name] },
    })),
    { name: WORKER, addresses: ['192.168.112.100', 'fd00:112::100'], podCIDRs: POD_RANGES },
    ...nodes,
  ];
}
