// Masquerading on a director between two networks: whom the real server sees, for each mode, protocol and family that
// the schema knows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Director, makeDirector } from '../../lab/agent.ts';
import type { LabProcess } from '../../lab/process.ts';
import { ask, askDatagrams, serveCaller } from '../../lab/servers.ts';
import { makeNetwork, type Network } from '../../lab/topology.ts';
import { MASQUERADE, PROTOCOLS } from '../../src/crd/virtualservice.ts';
import { documents, end, ipvs, lab, nftSet, realServer, runInSync, synced, virtualService } from './support.ts';

const CLIENT = { ipv4: '192.0.2.10', ipv6: 'fd00:a::10' } as const;
const INSIDE = { ipv4: '10.20.0.152', ipv6: 'fd00:b::152' } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;
type Family = (typeof FAMILIES)[number];
type Mode = (typeof MASQUERADE)[number];
type Protocol = (typeof PROTOCOLS)[number];

/** A service of its own for each mode, with a VIP of each family and a port of each protocol. */
const vip = (mode: Mode, family: Family): string =>
  family === 'ipv4' ? `192.0.2.${200 + MASQUERADE.indexOf(mode)}` : `fd00:c::${200 + MASQUERADE.indexOf(mode)}`;
const port = (protocol: Protocol): number => 80 + PROTOCOLS.indexOf(protocol);

/** Each service is called by its mode at the beginning and has the one that `now` says. */
const objects = (now: (mode: Mode) => Mode): string =>
  documents(
    ...MASQUERADE.map((mode) =>
      virtualService(mode.toLowerCase(), {
        addresses: FAMILIES.map((family) => vip(mode, family)),
        ports: PROTOCOLS.map((protocol) => ({ protocol, port: port(protocol), targetPort: 10_000 })),
        masquerade: now(mode),
      }),
    ),
    realServer('server4', { address: '10.20.0.153' }),
    realServer('server6', { address: 'fd00:b::153' }),
  );

const CASES = MASQUERADE.flatMap((mode) =>
  PROTOCOLS.flatMap((protocol) => FAMILIES.map((family) => ({ mode, protocol, family }))),
);
const other = (mode: Mode): Mode => (mode === 'Always' ? 'Never' : 'Always');

let network: Network;
let director: Director;
let agent: LabProcess;

beforeAll(async () => {
  network = await makeNetwork(lab(), [
    {
      name: 'client',
      legs: [{ lan: 'outside', addresses: ['192.0.2.10/24', 'fd00:a::10/64'] }],
      // IPv6 VIPs are reached by a route.
      routes: ['fd00:c::/64 via fd00:a::152'],
    },
    {
      name: 'director',
      legs: [
        { lan: 'outside', addresses: ['192.0.2.152/24', 'fd00:a::152/64'] },
        { lan: 'inside', addresses: [`${INSIDE.ipv4}/24`, `${INSIDE.ipv6}/64`] },
      ],
    },
    {
      name: 'server',
      legs: [{ lan: 'inside', addresses: ['10.20.0.153/24', 'fd00:b::153/64'] }],
      routes: [`default via ${INSIDE.ipv4}`, `default via ${INSIDE.ipv6}`],
    },
  ]);
  await serveCaller(network, 'server', 10_000);
  director = await makeDirector(network, 'director');
  const init = await director.command(['init']);
  if (init.code !== 0) throw new Error(init.stderr);
  await director.write(
    'web.yaml',
    objects((mode) => mode),
  );
  agent = await runInSync(director);
});

afterAll(async () => {
  await end(agent);
  await network.remove();
});

async function seen({ mode, protocol, family }: (typeof CASES)[number]): Promise<string | undefined> {
  const address = vip(mode, family);
  if (protocol === 'UDP') return (await askDatagrams(network, 'client', address, port(protocol), 1))[0];
  return ask(network, 'client', `http://${family === 'ipv6' ? `[${address}]` : address}:${port(protocol)}/`);
}

const expectedCaller = (mode: Mode, family: Family): string => (mode === 'Always' ? INSIDE : CLIENT)[family];

describe('masquerade', () => {
  it.each(CASES)('$mode with $protocol over $family', async (what) => {
    expect(await seen(what)).toBe(expectedCaller(what.mode, what.family));
  });

  it.each(MASQUERADE)('%s is what the packets say on the wire of the real server', async (mode) => {
    const filter = 'tcp dst port 10000 and tcp[tcpflags] & tcp-syn != 0';
    const argv = ['tcpdump', '-i', 'eth0', '-nn', '-l', '--immediate-mode', '-c', '1', filter];
    const capture = await network.start('server', argv);
    await capture.waitFor(/listening on eth0/);
    await seen({ mode, protocol: 'TCP', family: 'ipv4' });
    const { stdout } = await capture.finished;
    expect(stdout).toContain(`IP ${expectedCaller(mode, 'ipv4')}.`);
    expect(stdout).toContain(' > 10.20.0.153.10000: Flags [S]');
  });

  it('stands in one set for each family', async () => {
    const set = (mode: Mode, family: Family): string[] =>
      PROTOCOLS.map((protocol) => `${vip(mode, family)} . ${protocol.toLowerCase()} . ${port(protocol)}`).toSorted();
    expect(await nftSet(network, 'masq4')).toEqual(set('Always', 'ipv4'));
    expect(await nftSet(network, 'masq6')).toEqual(set('Always', 'ipv6'));
  });

  it('is changed in place, and the services stay', async () => {
    const before = await ipvs(network);
    const since = agent.mark();
    await synced(agent, () => director.write('web.yaml', objects(other)));
    for (const what of CASES) expect(await seen(what)).toBe(expectedCaller(other(what.mode), what.family));
    expect(await ipvs(network)).toEqual(before);
    expect(agent.output().stderr.slice(since.stderr)).not.toMatch(/"step":"ipvs /);
  });
});
