/**
 * A kernel in memory: IPVS, links, the nftables table and the witness over one state, with the answers that the real one
 * gives. Every write is counted and recorded as a line, and can be made to fail, to be the last one, or to be disturbed.
 */
import { VIP_DEVICE, VIP_DEVICE_ALIAS } from '../../src/controller/node-state.ts';
import type { Node } from '../../src/controller/observe.ts';
import type { Link, LinkAddress, LinkChange } from '../../src/host/links.ts';
import { emptyElements, type MutableElements, type NetfilterChange } from '../../src/host/netfilter/table.ts';
import type { SysctlFinding } from '../../src/host/sysctl.ts';
import { type WitnessEntry, type WitnessServices, witnessText } from '../../src/host/witness.ts';
import type { IpvsChange } from '../../src/ipvs/client.ts';
import {
  type Destination,
  destinationKeyText,
  type ObservedDestination,
  type ObservedService,
  type Service,
  serviceKeyText,
} from '../../src/ipvs/types.ts';
import { fail, type NetlinkFailure, ok, type Result } from '../../src/netlink/result.ts';

/** Thrown in place of the write before which the process is killed, and at everything it tries after that. */
export const Killed = new Error('killed');

export interface MemoryService {
  readonly service: Service;
  readonly destinations: ReadonlyMap<string, Destination>;
}

export interface MemoryTable {
  shapeCurrent: boolean;
  elements: MutableElements;
}

/** What a test may look at and change, as somebody else on the node could. */
export interface MemoryState {
  readonly services: Map<string, MemoryService>;
  table: MemoryTable | null;
  links: Link[];
  addresses: LinkAddress[];
  witness: WitnessServices | null;
  wrongSettings: readonly SysctlFinding[];
}

export interface MemoryFaults {
  /** Number (from 1) of the write before which the process ends. */
  killBefore?: number;
  /** Number of the write that gets no answer, and whether the kernel did it all the same. */
  timeoutAt?: { readonly write: number; readonly done: boolean };
  /** Runs before each write, with its line and number. */
  interfere?: (line: string, write: number) => void;
  /** Runs after each write that changed something. */
  watch?: (line: string, write: number) => void;
  /** What the nth dump (from 1) of the services says in place of the truth; null for a dump that broke off. */
  dump?: (services: readonly ObservedService[], look: number) => readonly ObservedService[] | null;
  /** Parts of the node that cannot be looked at. */
  blind?: {
    readonly ipvs?: boolean;
    readonly links?: boolean;
    readonly netfilter?: boolean;
    readonly witness?: boolean;
  };
  /** Message with which nft refuses every transaction. */
  nft?: string;
}

export interface MemoryKernel {
  readonly node: Node;
  readonly state: MemoryState;
  readonly faults: MemoryFaults;
  /** A line per write, those that were refused with their errno at the end. */
  readonly lines: string[];
  /** Writes to the kernel (witness not counted) since the last `forget`. */
  writes(): number;
  /** Forgets lines, counts and faults; a killed process is a new one. */
  forget(): void;
}

export interface MemoryOptions {
  readonly schedulers?: readonly string[];
  /** Addresses of eth0. */
  readonly nodeAddresses?: readonly string[];
  /** Whether the kernel gives a link-local address to a device that comes up. */
  readonly ipv6?: boolean;
}

const DEVICE_INDEX = 7;
const IDENTITY = { bootId: 'boot', networkNamespace: '1' } as const;

export function memoryKernel(options: MemoryOptions = {}): MemoryKernel {
  const schedulers = new Set(options.schedulers ?? ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh']);
  const nodeAddresses = options.nodeAddresses ?? ['192.168.112.1'];
  const state: MemoryState = {
    services: new Map(),
    table: null,
    links: [link(1, 'lo', null), link(2, 'eth0', null)],
    addresses: [
      address(1, '127.0.0.1', 8),
      ...nodeAddresses.map((text) => address(2, text, text.includes(':') ? 64 : 24)),
    ],
    witness: null,
    wrongSettings: [],
  };
  const faults: MemoryFaults = {};
  const lines: string[] = [];
  let writes = 0;
  let kernelWrites = 0;
  let looks = 0;
  let killed = false;

  const living = (): void => {
    if (killed) throw Killed;
  };
  /** One write: `run` changes the state and says what the kernel answers. */
  const write = (line: string, run: () => Result<null>): Result<null> => {
    living();
    writes++;
    faults.interfere?.(line, writes);
    if (faults.killBefore === writes) {
      killed = true;
      throw Killed;
    }
    if (!line.startsWith('witness')) kernelWrites++;
    const timeout = faults.timeoutAt?.write === writes ? faults.timeoutAt : null;
    if (timeout?.done === false) return noAnswer(line, lines);
    const result = run();
    if (result.ok) {
      if (timeout === null) lines.push(line);
      faults.watch?.(line, writes);
    } else if (timeout === null) {
      lines.push(`${line} ${result.error.errno ?? result.error.kind}`);
    }
    return timeout === null ? result : noAnswer(line, lines);
  };

  const ipvs: Node['ipvs'] = {
    info: async () => ok({ version: '1.2.1', connectionTableSize: 4096 }),
    async list() {
      living();
      looks++;
      if (faults.blind?.ipvs === true) return fail(BROKEN);
      const services = [...state.services.values()].map(observed);
      const told = faults.dump === undefined ? services : faults.dump(services, looks);
      return told === null ? fail(BROKEN) : ok(told);
    },
    async change(changes) {
      return changes.map((change) => write(ipvsLine(change), () => runIpvs(state, schedulers, change)));
    },
    close: () => undefined,
  };

  const links: Node['links'] = {
    async list() {
      living();
      if (faults.blind?.links === true) return fail(BROKEN);
      return ok({ links: [...state.links], addresses: [...state.addresses] });
    },
    async change(changes) {
      return changes.map((change) => write(linkLine(change), () => runLink(state, change, options.ipv6 ?? true)));
    },
    close: () => undefined,
  };

  const netfilter: Node['netfilter'] = {
    async observe() {
      living();
      if (faults.blind?.netfilter === true) return { ok: false, message: 'nft list table: refused' };
      const { table } = state;
      return {
        ok: true,
        value: table === null ? null : { shapeCurrent: table.shapeCurrent, elements: copied(table.elements) },
      };
    },
    async change(changes) {
      if (changes.length === 0) return { ok: true, value: null };
      let refusal: string | null = faults.nft ?? null;
      const result = write(nftLine(changes), () => {
        if (refusal === null) refusal = runTransaction(state, changes);
        return refusal === null ? ok(null) : kernelSays('ENOENT');
      });
      if (result.ok) return { ok: true, value: null };
      return { ok: false, message: refusal ?? 'nft -f - was ended by SIGKILL' };
    },
    ownProcesses: () => new Set(),
  };

  const witness: Node['witness'] = {
    async read() {
      living();
      if (faults.blind?.witness === true) throw new Error('witness.json: EIO');
      return state.witness === null ? null : new Map(state.witness);
    },
    async write(services) {
      living();
      if (state.witness !== null && witnessText(services, IDENTITY) === witnessText(state.witness, IDENTITY)) return;
      write(`witness ${[...services].map(([key, entry]) => `${key}${mark(entry)}`).join(' ')}`.trim(), () => {
        state.witness = new Map(services);
        return ok(null);
      });
    },
  };

  return {
    node: { ipvs, links, netfilter, witness, settings: async () => state.wrongSettings },
    state,
    faults,
    lines,
    writes: () => kernelWrites,
    forget() {
      lines.length = 0;
      writes = 0;
      kernelWrites = 0;
      looks = 0;
      killed = false;
      for (const name of Object.keys(faults)) delete faults[name as keyof MemoryFaults];
    },
  };
}

/** An unsettled entry of the witness is marked. */
const mark = (entry: WitnessEntry): string => (entry.settled ? '' : '?');

const BROKEN: NetlinkFailure = { kind: 'broken', errno: null, message: 'the dump broke off' };

function noAnswer(line: string, lines: string[]): Result<null> {
  lines.push(`${line} timeout`);
  return fail({ kind: 'timeout', errno: null, message: `${line}: no answer` });
}

const kernelSays = (errno: string): Result<null> =>
  fail({ kind: 'kernel', errno, message: `the kernel refused: ${errno}` });

function link(index: number, name: string, alias: string | null): Link {
  return { index, name, kind: alias === null ? null : 'dummy', up: true, alias };
}

function address(linkIndex: number, text: string, prefixLength: number): LinkAddress {
  return { linkIndex, family: text.includes(':') ? 'ipv6' : 'ipv4', address: text, prefixLength };
}

const observed = ({ service, destinations }: MemoryService): ObservedService => ({
  ...service,
  statistics: null,
  destinations: [...destinations.values()].map((destination): ObservedDestination => ({
    ...destination,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    statistics: null,
  })),
});

const copied = (elements: MutableElements): MutableElements =>
  Object.fromEntries(Object.entries(elements).map(([name, set]) => [name, new Map(set)])) as MutableElements;

/** net/netfilter/ipvs/ip_vs_ctl.c: ip_vs_genl_set_cmd and what it calls. */
function runIpvs(state: MemoryState, schedulers: ReadonlySet<string>, change: IpvsChange): Result<null> {
  const key = serviceKeyText(serviceOf(change));
  const there = state.services.get(key);
  if (change.verb === 'new-service') {
    if (there !== undefined) return kernelSays('EEXIST');
    if (!schedulers.has(change.service.config.scheduler)) return kernelSays('ENOENT');
    state.services.set(key, { service: change.service, destinations: new Map() });
    return ok(null);
  }
  if (there === undefined) return kernelSays('ESRCH');
  if (change.verb === 'set-service') {
    if (!schedulers.has(change.service.config.scheduler)) return kernelSays('ENOENT');
    state.services.set(key, { ...there, service: change.service });
    return ok(null);
  }
  if (change.verb === 'delete-service') {
    state.services.delete(key);
    return ok(null);
  }
  const destinations = new Map(there.destinations);
  const text = destinationKeyText(change.verb === 'delete-destination' ? change.key : change.destination.key);
  if (change.verb === 'new-destination') {
    if (destinations.has(text)) return kernelSays('EEXIST');
    destinations.set(text, change.destination);
  } else {
    if (!destinations.has(text)) return kernelSays('ENOENT');
    if (change.verb === 'delete-destination') destinations.delete(text);
    else destinations.set(text, change.destination);
  }
  state.services.set(key, { ...there, destinations });
  return ok(null);
}

const serviceOf = (change: IpvsChange): Service['key'] => {
  if (change.verb === 'delete-service') return change.key;
  return change.verb === 'new-service' || change.verb === 'set-service' ? change.service.key : change.service;
};

/** net/core/rtnetlink.c, net/ipv4/devinet.c, net/ipv6/addrconf.c. */
function runLink(state: MemoryState, change: LinkChange, ipv6: boolean): Result<null> {
  const name = 'name' in change ? change.name : change.device;
  const device = state.links.find((entry) => entry.name === name);
  const linkLocal = (index: number): void => {
    const text = 'fe80::1';
    if (ipv6 && !state.addresses.some((entry) => entry.linkIndex === index && entry.address === text)) {
      state.addresses.push(address(index, text, 64));
    }
  };
  if (change.verb === 'create-dummy') {
    if (device !== undefined) return kernelSays('EEXIST');
    state.links.push(link(DEVICE_INDEX, name, change.alias));
    linkLocal(DEVICE_INDEX);
    return ok(null);
  }
  if (device === undefined) return kernelSays('ENODEV');
  const isThere = (entry: LinkAddress): boolean =>
    'address' in change && entry.linkIndex === device.index && entry.address === change.address;
  switch (change.verb) {
    case 'set-up':
      state.links = state.links.map((entry) => (entry === device ? { ...entry, up: true } : entry));
      linkLocal(device.index);
      break;
    case 'delete-link':
      removeLink(state, name);
      break;
    case 'add-address':
      if (!state.addresses.some(isThere)) {
        state.addresses.push(address(device.index, change.address, change.family === 'ipv4' ? 32 : 128));
      }
      break;
    case 'delete-address':
      if (!state.addresses.some(isThere)) return kernelSays('EADDRNOTAVAIL');
      state.addresses = state.addresses.filter((entry) => !isThere(entry));
      break;
  }
  return ok(null);
}

/** A device goes with all its addresses. */
export function removeLink(state: MemoryState, name: string): void {
  const device = state.links.find((entry) => entry.name === name);
  state.links = state.links.filter((entry) => entry !== device);
  state.addresses = state.addresses.filter((entry) => entry.linkIndex !== device?.index);
}

/** A device that goes down keeps its IPv4 addresses and loses its IPv6 ones. */
export function setDown(state: MemoryState, name: string): void {
  const device = state.links.find((entry) => entry.name === name);
  state.links = state.links.map((entry) => (entry === device ? { ...entry, up: false } : entry));
  state.addresses = state.addresses.filter((entry) => entry.linkIndex !== device?.index || entry.family === 'ipv4');
}

/** Our device, made beforehand with these addresses. */
export function putDevice(state: MemoryState, addresses: readonly string[]): void {
  if (!state.links.some((entry) => entry.name === VIP_DEVICE))
    state.links.push(link(DEVICE_INDEX, VIP_DEVICE, VIP_DEVICE_ALIAS));
  for (const text of addresses) state.addresses.push(address(DEVICE_INDEX, text, text.includes(':') ? 128 : 32));
}

/** The addresses on our device, the kernel's own link-local one left out. */
export const boundAddresses = (state: MemoryState): string[] => {
  const device = state.links.find((entry) => entry.name === VIP_DEVICE);
  if (device === undefined) return [];
  return state.addresses
    .filter((entry) => entry.linkIndex === device.index && !entry.address.startsWith('fe80'))
    .map((entry) => entry.address);
};

/** All changes on a copy, which becomes the table when none is refused; else why not. */
function runTransaction(state: MemoryState, changes: readonly NetfilterChange[]): string | null {
  let table: MemoryTable | null =
    state.table === null ? null : { ...state.table, elements: copied(state.table.elements) };
  for (const change of changes) {
    if (change.verb === 'create-table') {
      table = { shapeCurrent: true, elements: emptyElements() };
      continue;
    }
    if (table === null) return 'nft -f: No such file or directory';
    if (change.verb === 'delete-table') {
      table = null;
      continue;
    }
    const set = table.elements[change.set];
    if (change.verb === 'add-element') {
      // One that is there already stays as it is, with its comment.
      if (!set.has(change.element)) set.set(change.element, change.comment);
    } else if (!set.delete(change.element)) {
      return `nft -f: No such file or directory: ${change.element}`;
    }
  }
  state.table = table;
  return null;
}

export function ipvsLine(change: IpvsChange): string {
  const key = serviceKeyText(serviceOf(change));
  switch (change.verb) {
    case 'new-service':
    case 'set-service':
      return `ipvs ${change.verb} ${key} ${change.service.config.scheduler}`;
    case 'delete-service':
      return `ipvs ${change.verb} ${key}`;
    case 'delete-destination':
      return `ipvs ${change.verb} ${key} > ${destinationKeyText(change.key)}`;
    case 'new-destination':
    case 'set-destination':
      return `ipvs ${change.verb} ${key} > ${destinationKeyText(change.destination.key)}*${change.destination.config.weight}`;
  }
}

export function linkLine(change: LinkChange): string {
  if ('name' in change) return `link ${change.verb} ${change.name}`;
  return `link ${change.verb} ${change.address}`;
}

const nftLine = (changes: readonly NetfilterChange[]): string => `nft ${changes.map(netfilterWord).join(', ')}`;

export function netfilterWord(change: NetfilterChange): string {
  if (change.verb === 'create-table' || change.verb === 'delete-table') return change.verb;
  return `${change.verb === 'add-element' ? '+' : '-'}${change.set} ${change.element}`;
}
