/**
 * Networks inside a lab: nodes are network namespaces with a leg in one or more bridged LANs. Names carry a prefix, so
 * that several networks exist side by side.
 */
import { randomBytes } from 'node:crypto';
import type { Lab } from './lab.ts';
import type { Finished, LabProcess, ProcessOptions, RunOptions } from './process.ts';
import { uplinkSetUp, uplinkTearDown } from './uplink.ts';

export interface NodeSpec {
  readonly name: string;
  readonly legs: readonly Leg[];
  /** Arguments of `ip route add`, as `10.0.0.0/8 via 192.168.112.152`; IPv6 ones have a colon. */
  readonly routes?: readonly string[];
  /** A further leg `up0`, by which it reaches this machine's loopback as 10.0.2.2, and nothing else. */
  readonly uplink?: boolean;
}

export interface Leg {
  readonly lan: string;
  /** With their prefix length. The leg's device is eth0, eth1 and so on, in order. */
  readonly addresses: readonly string[];
}

export interface Network {
  /** The namespace of a node, for `ip netns`. */
  namespace(node: string): string;
  run(node: string, argv: readonly string[], options?: RunOptions): Promise<Finished>;
  attempt(node: string, argv: readonly string[], options?: RunOptions): Promise<Finished>;
  start(node: string, argv: readonly string[], options?: ProcessOptions): Promise<LabProcess>;
  /** End every process in it, and take it down. */
  remove(): Promise<void>;
}

export async function makeNetwork(lab: Lab, nodes: readonly NodeSpec[]): Promise<Network> {
  const prefix = `n${randomBytes(2).toString('hex')}`;
  const namespace = (name: string): string => `${prefix}-${name}`;
  const lans = [...new Set(nodes.flatMap((node) => node.legs.map((leg) => leg.lan)))];
  const all = [...nodes.map((node) => node.name), ...lans.map((lan) => `lan-${lan}`)].map(namespace);
  const linked = nodes.filter(({ uplink }) => uplink === true).map(({ name }) => namespace(name));
  await lab.run(['sh', '-eu'], { input: setUpScript(nodes, lans, namespace) + uplinkSetUp(prefix, linked) });
  return {
    namespace,
    run: (node, argv, options) => lab.run(argv, { ...options, namespace: namespace(node) }),
    attempt: (node, argv, options) => lab.attempt(argv, { ...options, namespace: namespace(node) }),
    start: (node, argv, options) => lab.start(argv, { ...options, namespace: namespace(node) }),
    remove: async () => {
      await lab.run(['sh', '-eu'], { input: tearDownScript(all) + uplinkTearDown(prefix, linked) });
    },
  };
}

function setUpScript(nodes: readonly NodeSpec[], lans: readonly string[], namespace: (name: string) => string): string {
  const lines: string[] = [];
  const batch = (target: string, commands: readonly string[]): void => {
    lines.push(`ip ${target} -batch - <<'END'`, ...commands, 'END');
  };
  const lanNamespace = (lan: string): string => namespace(`lan-${lan}`);
  batch('', [
    ...nodes.map((node) => `netns add ${namespace(node.name)}`),
    ...lans.map((lan) => `netns add ${lanNamespace(lan)}`),
  ]);
  for (const lan of lans) {
    batch(`-n ${lanNamespace(lan)}`, [
      'link add lan up type bridge forward_delay 0 mcast_snooping 0',
      'link set lo up',
    ]);
  }
  for (const node of nodes) {
    const own = namespace(node.name);
    // An address that is tentative for a second would make every test wait.
    lines.push(`ip netns exec ${own} sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0`);
    const inside = ['link set lo up'];
    for (const [index, leg] of node.legs.entries()) {
      const port = `${node.name}-${index}`.slice(-15);
      lines.push(`ip link add ${port} netns ${lanNamespace(leg.lan)} type veth peer name eth${index} netns ${own}`);
      lines.push(`ip -n ${lanNamespace(leg.lan)} link set ${port} master lan up`);
      inside.push(
        ...leg.addresses.map((address) => `address add ${address} dev eth${index}`),
        `link set eth${index} up`,
      );
    }
    inside.push(...(node.routes ?? []).map((route) => `route add ${route}`));
    batch(`-n ${own}`, inside);
  }
  return `${lines.join('\n')}\n`;
}

/** Processes are ended by their ids, which `ip netns pids` tells. */
const tearDownScript = (namespaces: readonly string[]): string =>
  namespaces
    .map(
      (name) =>
        `for pid in $(ip netns pids ${name}); do kill -KILL "$pid" 2>/dev/null || :; done\nip netns delete ${name}\n`,
    )
    .join('');
