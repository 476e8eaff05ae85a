/**
 * The kernel settings that the return path of NAT needs, and those that make removal of a real server do the right
 * thing. `init` writes them, `run` only looks: in a container /proc/sys cannot be written.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AddressFamily } from '../ipvs/types.ts';
import { isErrno } from './files.ts';

export interface SysctlSetting {
  /** As `net.ipv4.vs.conntrack`; a dot inside an interface name is written as a slash, as sysctl(8) does. */
  readonly name: string;
  readonly value: string;
  /** Without a required one, nothing new is served. The others are advice. */
  readonly required: boolean;
  /** Only needed when a virtual address of this family is served; null for both. */
  readonly family: AddressFamily | null;
  readonly why: string;
}

export interface SysctlFinding {
  readonly setting: SysctlSetting;
  /** Null when the kernel has no such setting. */
  readonly found: string | null;
}

/** Settings that do not depend on interfaces; measured reasons in docs/kernel-settings.md. */
export const SETTINGS: readonly SysctlSetting[] = [
  {
    name: 'net.ipv4.vs.conntrack',
    value: '1',
    required: true,
    family: null,
    why: 'without it connections through IPVS are not tracked, so nothing is masqueraded and firewalls see them as invalid',
  },
  {
    name: 'net.ipv4.ip_forward',
    value: '1',
    required: true,
    family: 'ipv4',
    why: 'answers of real servers are forwarded packets',
  },
  {
    name: 'net.ipv6.conf.all.forwarding',
    value: '1',
    required: true,
    family: 'ipv6',
    why: 'answers of real servers are forwarded packets',
  },
  {
    name: 'net.ipv4.vs.expire_nodest_conn',
    value: '1',
    required: false,
    family: null,
    why: 'connections to a real server that was removed end at once, and do not hang until they time out',
  },
  {
    name: 'net.ipv4.vs.expire_quiescent_template',
    value: '1',
    required: false,
    family: null,
    why: 'persistence must not pin clients to a real server of weight 0',
  },
  {
    name: 'net.ipv4.vs.conn_reuse_mode',
    value: '1',
    required: false,
    family: null,
    why: 'a client that uses a source port again gets a live real server (kernels from 5.9)',
  },
];

const perInterface = (name: string): SysctlSetting => ({
  name: `net.ipv4.conf.${name.replaceAll('.', '/')}.send_redirects`,
  value: '0',
  required: false,
  family: 'ipv4',
  why: 'clients and real servers of one network must not be told to go round the director',
});

const ROOT = '/proc/sys';

export const sysctlPath = (name: string, root = ROOT): string =>
  join(root, ...name.split('.').map((part) => part.replaceAll('/', '.')));

/** All settings that this node should have, those of its present interfaces included. */
export async function wantedSettings(root = ROOT): Promise<readonly SysctlSetting[]> {
  const names = await readdir(join(root, 'net/ipv4/conf'));
  return [...SETTINGS, ...names.toSorted().map(perInterface)];
}

/**
 * The settings that are not as they should be. A setting that this kernel does not have counts when it is required,
 * except those of a family that the kernel does not have at all.
 */
export async function wrongSettings(root = ROOT): Promise<readonly SysctlFinding[]> {
  const wrong: SysctlFinding[] = [];
  for (const setting of await wantedSettings(root)) {
    const found = await readSysctl(setting.name, root);
    if (found === setting.value) continue;
    if (found === null && (setting.family === 'ipv6' || !setting.required)) continue;
    wrong.push({ setting, found });
  }
  return wrong;
}

/** A setting's value, or null when the kernel does not have it. */
export async function readSysctl(name: string, root = ROOT): Promise<string | null> {
  try {
    return (await readFile(sysctlPath(name, root), 'utf8')).trim();
  } catch (error) {
    // An interface may go away between the listing and the reading.
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENODEV') || isErrno(error, 'EINVAL')) return null;
    throw error;
  }
}

/** Write one setting. Throws with the errno that the kernel gave (EROFS in a container, EACCES without the right). */
export const writeSysctl = (name: string, value: string, root = ROOT): Promise<void> =>
  writeFile(sysctlPath(name, root), value);

/**
 * Interfaces whose IPv6 router advertisements would be ignored from the moment forwarding is on: accept_ra must become 2
 * first, or the node loses its default route (Documentation/networking/ip-sysctl.rst, accept_ra).
 */
export async function acceptRaSettings(root = ROOT): Promise<readonly SysctlSetting[]> {
  const forwarding = await readSysctl('net.ipv6.conf.all.forwarding', root);
  if (forwarding !== '0') return [];
  const names = await readdir(join(root, 'net/ipv6/conf'));
  const settings: SysctlSetting[] = [];
  for (const name of names.toSorted()) {
    const setting = `net.ipv6.conf.${name.replaceAll('.', '/')}.accept_ra`;
    if (name === 'lo' || (await readSysctl(setting, root)) !== '1') continue;
    settings.push({
      name: setting,
      value: '2',
      required: false,
      family: 'ipv6',
      why: 'router advertisements would be ignored once the node forwards',
    });
  }
  return settings;
}

/** `sysctl -w net.ipv4.ip_forward=1`. */
export const sysctlWords = (setting: SysctlSetting): string => `sysctl -w ${setting.name}=${setting.value}`;

/** `net.ipv4.ip_forward is 0 and must be 1: answers of …`. */
export const findingText = (finding: SysctlFinding): string =>
  `${finding.setting.name} is ${finding.found ?? 'not in this kernel'} and must be ${finding.setting.value}: ${finding.setting.why}`;
