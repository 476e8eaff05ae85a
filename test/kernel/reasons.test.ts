// Each reason on a real kernel, as an agent tells it. In a lab of its own, beside the one of the other tests: its kernel
// loses modules. A reason without a case here does not pass type checking.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED, type Director, makeDirector } from '../../lab/agent.ts';
import { bootLab, type Lab } from '../../lab/lab.ts';
import type { LabProcess } from '../../lab/process.ts';
import { DIRECTOR, makeScenario } from '../../lab/scenario.ts';
import type { Network } from '../../lab/topology.ts';
import { CLUSTER_REASONS, type FolderReason, REASONS } from '../../src/crd/reasons.ts';
import { documents, end, realServer, realServers, runInSync, virtualService } from './support.ts';

/** Before `nft` on the way: lets through, refuses transactions, or shows the table only once. */
const NFT = `#!/bin/sh
case " $* " in
  *' -f '*) [ ! -e /tmp/nft/refuse ] || { echo 'Error: not today' >&2; exit 1; } ;;
  *' list table inet '*)
    [ ! -e /tmp/nft/blind ] || { echo 'Error: nothing to see' >&2; exit 1; }
    [ ! -e /tmp/nft/once ] || touch /tmp/nft/blind ;;
esac
exec "$NFT" "$@"
`;

/** What the agent is asked for, phase by phase. */
const PHASES = ['objects', 'nft refuses', 'setting wrong', 'blind'] as const;
type Phase = (typeof PHASES)[number];

const CASES: Readonly<Record<FolderReason, readonly (readonly [Phase, string])[]>> = {
  Accepted: [['objects', 'VirtualService default/lonely Accepted=True']],
  ResolvedRefs: [['objects', 'VirtualService default/good ResolvedRefs=True']],
  Programmed: [['objects', 'VirtualService default/good Programmed=True']],
  Announced: [['objects', 'VirtualService default/good Announced=True']],
  ByRoute: [['objects', 'VirtualService default/routed Announced=False']],
  NoNeighbourDiscovery: [['objects', 'VirtualService default/six Announced=False']],
  NotAnnounced: [['objects', 'VirtualService default/taken Announced=False']],
  Invalid: [
    ['objects', 'VirtualService default/invalid Accepted=False'],
    ['objects', 'problem VirtualService default/invalid'],
  ],
  UnknownKind: [['objects', 'problem null']],
  Unreadable: [['objects', 'problem null']],
  DuplicateObject: [['objects', 'problem VirtualService default/good']],
  Conflict: [
    ['objects', 'VirtualService default/zebra Accepted=False'],
    ['objects', 'VirtualService default/taken Programmed=False'],
  ],
  NoRealServers: [['objects', 'VirtualService default/lonely ResolvedRefs=False']],
  DuplicateRealServer: [['objects', 'VirtualService default/twice ResolvedRefs=False']],
  SchedulerUnavailable: [['objects', 'VirtualService default/scheduler Programmed=False']],
  KernelRefused: [['objects', 'VirtualService default/broadcast Programmed=False']],
  NetfilterFailed: [['nft refuses', 'VirtualService default/late Programmed=False']],
  Waiting: [['nft refuses', 'VirtualService default/good Programmed=False']],
  SysctlWrong: [['setting wrong', 'VirtualService default/late Programmed=False']],
  Pending: [['blind', 'VirtualService default/good Programmed=Unknown']],
};

/** A service on a port of its own, with real servers of its own name. */
const service = (name: string, port: number, spec: Readonly<Record<string, unknown>> = {}): string =>
  virtualService(name, {
    ports: [{ port, targetPort: 10_000 }],
    backends: [{ realServers: { matchLabels: { app: name } } }],
    ...spec,
  });
const good = virtualService('good');

let lab: Lab;
let network: Network;
let director: Director;
const told = new Map<Phase, readonly string[]>();
/** `list` of an agent that cannot look at the kernel. */
let blind: string;

/** All that `list` says, a line for each condition and each problem, ending with its reason. */
async function look(phase: Phase): Promise<void> {
  const { stdout } = await director.command(['list', '-o', 'json']);
  const { objects, problems } = JSON.parse(stdout) as {
    objects: { object: string; conditions: { type: string; status: string; reason: string }[] }[];
    problems: { object: string | null; reason: string }[];
  };
  told.set(phase, [
    ...objects.flatMap(({ object, conditions }) =>
      conditions.map(({ type, status, reason }) => `${object} ${type}=${status} ${reason}`),
    ),
    ...problems.map(({ object, reason }) => `problem ${String(object)} ${reason}`),
  ]);
}

const onDirector = (script: string, input?: string): Promise<unknown> =>
  network.run(DIRECTOR, ['sh', '-euc', script], input === undefined ? {} : { input });

async function liveThrough(): Promise<void> {
  const run = async (): Promise<LabProcess> => director.run('--resync-seconds', '1', '--log-level', 'debug');
  let agent = await run();
  // The last that is said of a turn.
  await agent.waitFor(/is in IPVS already and not ours/);
  await look('objects');

  await director.remove('objects.yaml', 'more.yaml', 'broken.yaml');
  await agent.waitFor(/"msg":"in sync"/);
  await onDirector('touch /tmp/nft/refuse');
  let since = agent.mark();
  await director.write('late.yaml', service('late', 90));
  await agent.waitFor(/NetfilterFailed/, { since });
  await onDirector('ipvsadm -D -t 192.168.112.200:80');
  await agent.waitFor(/"object":"default\/good".*"reason":"Waiting"/, { since });
  await look('nft refuses');

  // While nft still refuses: otherwise the service could be made just before the setting changes.
  since = agent.mark();
  await onDirector('sysctl -qw net.ipv4.vs.conntrack=0');
  await agent.waitFor(/SysctlWrong/, { since });
  await look('setting wrong');

  await end(agent);
  await onDirector('rm /tmp/nft/refuse; touch /tmp/nft/once');
  agent = await run();
  await agent.waitFor(/could not be looked at/);
  await look('blind');
  blind = (await director.command(['list'])).stdout;
  await end(agent);
  await onDirector('rm -r /tmp/nft; sysctl -qw net.ipv4.vs.conntrack=1');
}

beforeAll(async () => {
  lab = await bootLab();
  network = await makeScenario(lab);
  director = await makeDirector(network, DIRECTOR, ['env', 'PATH=/tmp/nft:/usr/sbin:/usr/bin:/sbin:/bin', ...BUNDLED]);
  const init = await director.command(['init']);
  if (init.code !== 0) throw new Error(init.stderr);
  const nft = (await network.run(DIRECTOR, ['sh', '-c', 'command -v nft'])).stdout.trim();
  await onDirector('mkdir /tmp/nft; cat >/tmp/nft/nft; chmod 755 /tmp/nft/nft', NFT.replace('$NFT', nft));
  await director.write('a-good.yaml', documents(good, realServers()));
  // With all modules loaded that this needs, the kernel loads none any more.
  await end(await runInSync(director));
  await lab.run(['sh', '-euc', 'modprobe ip_vs_rr; echo /bin/false >/proc/sys/kernel/modprobe']);
  await network.run(DIRECTOR, ['ipvsadm', '-A', '-t', '192.168.112.200:84', '-s', 'rr']);
  await Promise.all([
    director.write(
      'objects.yaml',
      documents(
        service('invalid', 70_000),
        good.replace('VirtualService', 'Gateway').replace('"good"', '"unknown"'),
        virtualService('zebra'),
        service('taken', 84),
        service('lonely', 85),
        service('twice', 86),
        realServer('twice-1', { address: '192.168.112.153' }, 'twice'),
        realServer('twice-2', { address: '192.168.112.153' }, 'twice'),
        service('scheduler', 87, { scheduler: 'sed' }),
        service('routed', 89, { addresses: ['192.168.112.202'], announce: 'None' }),
        service('six', 91, { addresses: ['fd00:112::200'] }),
        service('broadcast', 88),
        realServer('broadcast', { address: '192.168.112.255' }, 'broadcast'),
      ),
    ),
    director.write('more.yaml', good),
    director.write('broken.yaml', '{'),
  ]);
  await liveThrough();
});

afterAll(async () => {
  await lab.stop();
});

describe('a reason', () => {
  const cases = Object.entries(CASES).flatMap(([reason, places]) =>
    places.map(([phase, place]) => ({ reason, phase, place })),
  );

  it.each(cases)('$reason: $place ($phase)', ({ reason, phase, place }) => {
    expect(told.get(phase)?.join('\n')).toContain(`${place} ${reason}`);
  });

  it('stands beside a table that says why it may be old', () => {
    expect(blind).toMatch(/^TCP {2}192\.168\.112\.200:84 rr +\(not ours\)$/m);
    expect(blind).toContain(
      'the kernel could not be looked at: nft list table inet lvs-director: Error: nothing to see',
    );
  });

  it('has a case', () => {
    expect([...Object.keys(CASES), ...CLUSTER_REASONS].toSorted()).toEqual(Object.keys(REASONS).toSorted());
  });
});

describe('a kernel without IPVS', () => {
  it.each(['run', 'plan'])('is what %s says, with what to load', async (command) => {
    await lab.run([
      'sh',
      '-euc',
      'for namespace in $(ip netns list | cut -d" " -f1); do ip netns exec "$namespace" ipvsadm -C || :; done',
    ]);
    await lab.run([
      'sh',
      '-euc',
      'modules=$(ls /sys/module | grep "^ip_vs_" || :); for module in $modules ip_vs; do [ ! -d "/sys/module/$module" ] || rmmod "$module"; done',
    ]);
    const { code, stderr } = await director.command([command, '--directory', director.folder]);
    expect(code).toBe(1);
    expect(stderr).toContain('the kernel has no IPVS family; load it with: modprobe ip_vs');
  });
});
