/** The rest of the host layer: witness, settings, lock, monitors' filters, files. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readIfThere, writeWhole } from '../../../src/host/files.ts';
import { nodeIdentity } from '../../../src/host/identity.ts';
import { askHolder, holderText, takeNodeLock } from '../../../src/host/lock.ts';
import { linkFilter, netfilterFilter } from '../../../src/host/monitor.ts';
import {
  acceptRaSettings,
  findingText,
  readSysctl,
  SETTINGS,
  sysctlPath,
  sysctlWords,
  wrongSettings,
  writeSysctl,
} from '../../../src/host/sysctl.ts';
import { openWitness, parseWitness, witnessText } from '../../../src/host/witness.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lvs-director-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('files', () => {
  it('are written whole, for their owner only, and leave no draft', async () => {
    const path = join(folder, 'deep', 'er', 'file');
    await writeWhole(path, 'text');
    expect(await readFile(path, 'utf8')).toBe('text');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect(await readdir(dirname(path))).toEqual(['file']);
  });

  it('are null when they are not there, and other errors are thrown', async () => {
    expect(await readIfThere(join(folder, 'none'))).toBeNull();
    await expect(readIfThere(folder)).rejects.toThrow('EISDIR');
  });
});

describe('witness', () => {
  const identity = { bootId: 'b', networkNamespace: '4026531840' };
  const services = new Map([
    ['TCP/10.0.0.1:80', { uid: 'u', name: 'default/web', masquerade: true, settled: false, silent: false }],
  ]);

  it('comes back as it was, for the same boot and namespace only', () => {
    const text = witnessText(services, identity);
    expect(parseWitness(text, identity)).toEqual(services);
    expect(parseWitness(text, { ...identity, bootId: 'c' })).toBeNull();
    expect(parseWitness(text, { ...identity, networkNamespace: '1' })).toBeNull();
    expect(parseWitness(text.slice(0, -5), identity)).toBeNull();
    expect(parseWitness('{"version":1}', identity)).toBeNull();
  });

  it('is written only when something differs', async () => {
    const file = openWitness(folder, identity);
    expect(await file.read()).toBeNull();
    await file.write(services);
    const path = join(folder, '4026531840', 'witness.json');
    const first = (await stat(path)).ino;
    await file.write(new Map(services));
    expect((await stat(path)).ino).toBe(first);
    const again = openWitness(folder, identity);
    expect(await again.read()).toEqual(services);
    await again.write(services);
    expect((await stat(path)).ino).toBe(first);
    await again.write(new Map());
    expect(await again.read()).toEqual(new Map());
  });

  it('knows this boot and namespace', async () => {
    const found = await nodeIdentity();
    expect(found.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(found.networkNamespace).toMatch(/^\d+$/);
  });
});

describe('kernel settings', () => {
  const put = async (name: string, value: string): Promise<void> => {
    const path = sysctlPath(name, folder);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${value}\n`);
  };
  const all = async (): Promise<void> => {
    for (const setting of SETTINGS) await put(setting.name, setting.value);
    await put('net.ipv4.conf.all.send_redirects', '0');
  };
  const wrong = async () =>
    (await wrongSettings(folder)).map(({ setting, found }) => `${setting.name}=${found ?? 'none'}`);

  it('are paths, in which only an interface name may have a dot', () => {
    expect(sysctlPath('net.ipv4.ip_forward')).toBe('/proc/sys/net/ipv4/ip_forward');
    expect(sysctlPath('net.ipv4.conf.eth0/7.send_redirects')).toBe('/proc/sys/net/ipv4/conf/eth0.7/send_redirects');
  });

  it('are right when all are as wanted', async () => {
    await all();
    expect(await wrong()).toEqual([]);
  });

  it.each(SETTINGS.map((setting) => setting.name))('are wrong when %s is', async (name) => {
    await all();
    await put(name, '0');
    expect(await wrong()).toEqual([`${name}=0`]);
    await writeSysctl(name, '1', folder);
    expect(await wrong()).toEqual([]);
  });

  it('include those of every interface, also of one with a dot', async () => {
    await all();
    await put('net.ipv4.conf.eth0/7.send_redirects', '1');
    expect(await wrong()).toEqual(['net.ipv4.conf.eth0/7.send_redirects=1']);
  });

  it('that a kernel does not have count when they are required, but not those of a family it does not have', async () => {
    await all();
    for (const name of ['net.ipv4.vs.conntrack', 'net.ipv4.vs.expire_nodest_conn', 'net.ipv6.conf.all.forwarding']) {
      await rm(sysctlPath(name, folder));
    }
    expect(await wrong()).toEqual(['net.ipv4.vs.conntrack=none']);
  });

  it('say what is wrong and how to mend it', async () => {
    await all();
    await put('net.ipv4.ip_forward', '0');
    const [finding] = await wrongSettings(folder);
    if (finding === undefined) throw new Error('nothing found');
    expect(findingText(finding)).toBe(
      'net.ipv4.ip_forward is 0 and must be 1: answers of real servers are forwarded packets',
    );
    expect(findingText({ ...finding, found: null })).toContain('is not in this kernel and must be 1');
    expect(sysctlWords(finding.setting)).toBe('sysctl -w net.ipv4.ip_forward=1');
  });

  it('keep router advertisements when forwarding is about to be turned on', async () => {
    const names = async () => (await acceptRaSettings(folder)).map(sysctlWords);
    for (const [name, value] of Object.entries({ all: '1', lo: '1', eth0: '1', 'eth1/2': '2', off: '0' })) {
      await put(`net.ipv6.conf.${name}.accept_ra`, value);
    }
    await put('net.ipv6.conf.all.forwarding', '0');
    expect(await names()).toEqual([
      'sysctl -w net.ipv6.conf.all.accept_ra=2',
      'sysctl -w net.ipv6.conf.eth0.accept_ra=2',
    ]);
    await put('net.ipv6.conf.all.forwarding', '1');
    expect(await names()).toEqual([]);
  });

  it('of an interface that went away are none', async () => {
    expect(await readSysctl('net.ipv4.conf.gone.send_redirects', folder)).toBeNull();
  });
});

describe('node lock', () => {
  it('is held once, names its holder, and is given back', async () => {
    const holder = { pid: 7, command: 'run --directory /x', since: '2026-01-01T00:00:00Z' };
    const first = await takeNodeLock(holder);
    if (!first.held) throw new Error('an agent runs on this machine');
    expect(await takeNodeLock({ ...holder, pid: 8 })).toEqual({ held: false, holder });
    expect(await askHolder()).toEqual(holder);
    await first.release();
    expect(await askHolder()).toBeNull();
    const next = await takeNodeLock(holder);
    expect(next.held).toBe(true);
    if (next.held) await next.release();
  });

  it('is described for people', () => {
    expect(holderText({ pid: 7, command: 'run', since: 'x' })).toBe('process 7 (run, since x)');
    expect(holderText(null)).toBe('a process that does not say who it is');
  });
});

describe('what nft monitor says', () => {
  it('counts when it is our table and not our process', () => {
    const filter = netfilterFilter(() => new Set([7]));
    const lines = (text: string) => text.split('\n').map((line) => filter(line));
    expect(lines('add element inet lvs-director vip4 { 1.1.1.1 }\n# new generation 3 by process 8 (nft)')).toEqual([
      null,
      'add element inet lvs-director vip4 { 1.1.1.1 }',
    ]);
    expect(lines('add element inet lvs-director vip4 { 1.1.1.1 }\n# new generation 4 by process 7 (nft)')).toEqual([
      null,
      null,
    ]);
    expect(lines('add element inet filter x { 1.1.1.1 }\n# new generation 5 by process 8 (nft)')).toEqual([null, null]);
    expect(lines('delete table inet lvs-director\n# new generation 6 by process 9 (iptables)')[1]).toBe(
      'delete table inet lvs-director',
    );
    expect(lines('add table inet lvs-director-2\n# new generation 7 by process 8 (nft)')).toEqual([null, null]);
    expect(lines('# new generation 8 by process 8 (nft)')).toEqual([null]);
  });
});

describe('what ip monitor says', () => {
  it.each([
    ['4: dummy-lvs    inet 10.0.0.1/32 scope global dummy-lvs', true],
    ['Deleted 4: dummy-lvs    inet6 2001:db8::1/128 scope global', true],
    ['2: eth0    inet 10.0.0.9/24 brd 10.0.0.255 scope global eth0', true],
    ['4: dummy-lvs: <BROADCAST,NOARP> mtu 1500 qdisc noqueue state DOWN', true],
    ['Deleted 4: dummy-lvs: <BROADCAST,NOARP> mtu 1500', true],
    ['9: veth1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500', false],
    ['2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500', false],
    ['9: dummy-lvs2: <BROADCAST> mtu 1500', false],
    ['', false],
  ])('%s: counts %s', (line, counts) => {
    expect(linkFilter('dummy-lvs', line) !== null).toBe(counts);
  });
});
