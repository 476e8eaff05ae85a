/**
 * From what should be and what is to an ordered list of steps. Pure.
 *
 * The order is: VIPs that leave, IPVS services that leave, one nftables transaction, IPVS services that come or change,
 * VIPs that come. So a VIP never answers before its return path is there, and never after it has gone.
 */
import type { Elements, MutableElements } from '../host/netfilter/table.ts';
import { elementChanges, emptyElements, endpointElement } from '../host/netfilter/table.ts';
import { planService } from '../ipvs/plan.ts';
import {
  type AddressServiceKey,
  destinationKeyText,
  isMarkKey,
  type ObservedService,
  serviceKeyText,
} from '../ipvs/types.ts';
import type { LinkChange } from '../host/links.ts';
import type { Desired, DesiredService, Owner } from './desired.ts';
import { type NodeState, VIP_DEVICE, VIP_DEVICE_ALIAS } from './node-state.ts';
import { type Owned, resolveOwnership } from './ownership.ts';
import type { Step } from './steps.ts';

export interface NodePlan {
  readonly steps: readonly Step[];
  /** Services that we want and that somebody else has. By key text. */
  readonly conflicts: ReadonlySet<string>;
  /** Services that wait because a kernel setting is wrong. By key text. */
  readonly held: ReadonlySet<string>;
  /** What is ours once the steps are done: key text to uid and masquerading, for the witness. */
  readonly ours: ReadonlyMap<string, OursEntry>;
  /** Addresses that are ours alone once the steps are done. */
  readonly vips: ReadonlySet<string>;
}

export interface OursEntry {
  readonly owner: Owner;
  readonly masquerade: boolean;
  /** Nobody answers for its address on the LAN. */
  readonly silent: boolean;
}

/** Work out the steps from `state` to `desired`. After they were applied, the plan of the new state is empty. */
export function planNode(desired: Desired, state: NodeState): NodePlan {
  const owned = resolveOwnership(state.table?.elements ?? null, state.witness);
  const observed = new Map(state.services.map((service) => [serviceKeyText(service.key), service]));
  const conflicts = new Set([...desired.services.keys()].filter((key) => observed.has(key) && !owned.has(key)));
  const held = heldServices(desired, state, observed, owned);
  const wanted = new Map(
    [...desired.services]
      .filter(([key]) => !conflicts.has(key) && !held.has(key))
      .filter(([key, service]) => !service.refused || owned.get(key)?.uid === service.owner.uid)
      .map(([key, service]) => [key, permitted(service, observed.get(key) ?? null)] as const),
  );
  const kept = keptServices(desired, owned, wanted);
  const foreign = state.services.filter((service) => !owned.has(serviceKeyText(service.key)));

  const repair = state.table === null || !state.table.shapeCurrent;
  const leaving = [...owned.values()].filter(
    ({ key }) => !wanted.has(serviceKeyText(key)) && !kept.has(serviceKeyText(key)),
  );
  // While the table is being put back, nothing leaves: the ledger first has to name everything that is ours.
  const staying = repair
    ? new Map([...kept, ...leaving.map((entry) => [serviceKeyText(entry.key), entry] as const)])
    : kept;

  const ours = oursAfter(wanted, staying, desired, state);
  const served = new Map([...staying].filter(([key]) => kept.has(key) || observed.has(key)));
  const vips = vipsOf(wanted, served, staying, foreign, state);
  const elements = wantedElements(wanted, staying, foreign, vips, ours);

  const steps: Step[] = [];
  // Without a table and without anything to put into one there is nothing to wait for.
  if (!repair || isEmpty(elements)) {
    steps.push(...vipRemovals(vips, state));
    for (const { key, uid } of leaving) {
      const text = serviceKeyText(key);
      if (observed.has(text)) steps.push(ipvsRemoval(key, ownerOf(uid, text, state)));
    }
  }
  steps.push(...netfilterSteps(elements, state, repair, ours, state));
  for (const [text, service] of wanted) {
    for (const change of planService(service, observed.get(text) ?? null)) {
      const removes = change.verb === 'delete-destination';
      steps.push({ layer: 'ipvs', owner: service.owner, service: text, removes, change });
    }
  }
  steps.push(...vipAdditions(vips, wanted, state));
  return { steps, conflicts, held, ours, vips: new Set(vips.keys()) };
}

/**
 * Services that would be new while a setting that their return path needs is wrong. What the kernel already has goes on:
 * taking it away would turn a warning into an outage.
 */
function heldServices(
  desired: Desired,
  state: NodeState,
  observed: ReadonlyMap<string, ObservedService>,
  owned: Owned,
): Set<string> {
  const wrong = state.wrongSettings.filter((finding) => finding.setting.required);
  const held = new Set<string>();
  if (wrong.length === 0) return held;
  for (const [text, { service }] of desired.services) {
    if (observed.has(text) && owned.has(text)) continue;
    if (wrong.some(({ setting }) => setting.family === null || setting.family === service.key.family)) held.add(text);
  }
  return held;
}

/** The service without those destinations that are not permitted and not there. */
function permitted(service: DesiredService, observed: ObservedService | null): DesiredService {
  if (service.refusedDestinations.size === 0) return service;
  const there = new Set(observed?.destinations.map((entry) => destinationKeyText(entry.key)));
  const destinations = service.destinations.filter(({ key }) => {
    const text = destinationKeyText(key);
    return there.has(text) || !service.refusedDestinations.has(text);
  });
  return { ...service, destinations };
}

/** Ours, not wanted by any object that we can see, but perhaps by one that we cannot see at present. */
function keptServices(desired: Desired, owned: Owned, wanted: ReadonlyMap<string, DesiredService>): Owned {
  const { all, uids } = desired.retained;
  return new Map([...owned].filter(([text, { uid }]) => !wanted.has(text) && (all || uids.has(uid))));
}

function oursAfter(
  wanted: ReadonlyMap<string, DesiredService>,
  staying: Owned,
  desired: Desired,
  state: NodeState,
): Map<string, OursEntry> {
  const ours = new Map<string, OursEntry>();
  for (const [text, { uid, key }] of staying) {
    const owner = ownerOf(uid, text, state);
    const masquerade = nowIn('masq', endpointElement(key), key, text, state) ?? true;
    // Of an address that only objects have which we cannot see, nothing is known: who was silent stays silent.
    const silent = desired.silent.has(key.address) || (nowIn('silent', key.address, key, text, state) ?? false);
    ours.set(text, { owner, masquerade, silent });
  }
  for (const [text, { owner, masquerade, service }] of wanted) {
    const silent = !isMarkKey(service.key) && desired.silent.has(service.key.address);
    ours.set(text, { owner, masquerade, silent });
  }
  return ours;
}

const ownerOf = (uid: string, text: string, state: NodeState): Owner => ({
  uid,
  name: state.witness?.get(text)?.name ?? `object ${uid}`,
});

/** Whether a service is masqueraded, or silent, at present; null when neither the table nor the witness tells. */
function nowIn(
  what: 'masq' | 'silent',
  element: string,
  key: AddressServiceKey,
  text: string,
  state: NodeState,
): boolean | null {
  if (state.table === null) {
    const entry = state.witness?.get(text);
    return entry === undefined ? null : what === 'masq' ? entry.masquerade : entry.silent;
  }
  if (what === 'silent') return state.table.elements.silent4.has(element);
  return state.table.elements[setOf(what, key)].has(element);
}

const setOf = <P extends 'vip' | 'svc' | 'masq' | 'ledger'>(prefix: P, key: { family: string }): `${P}4` | `${P}6` =>
  key.family === 'ipv4' ? `${prefix}4` : `${prefix}6`;

/** Addresses that the node has by itself, on whatever device but ours. We never filter, bind or unbind them. */
function nodeAddresses(state: NodeState): Set<string> {
  const device = state.links.find((link) => link.name === VIP_DEVICE)?.index;
  return new Set(state.addresses.filter((entry) => entry.linkIndex !== device).map((entry) => entry.address));
}

/** Addresses on our device. Link-local ones belong to the kernel, which gives one to every device that is up. */
function boundAddresses(state: NodeState): NodeState['addresses'] {
  const device = state.links.find((link) => link.name === VIP_DEVICE)?.index;
  return state.addresses.filter((entry) => entry.linkIndex === device && !/^fe[89ab]/.test(entry.address));
}

/**
 * `served` are those of `staying` that IPVS has. One that it does not have (the witness is written before the service is
 * made) gets no VIP; but where the VIP is bound, it is filtered as long as it is.
 */
function vipsOf(
  wanted: ReadonlyMap<string, DesiredService>,
  served: Owned,
  staying: Owned,
  foreign: readonly ObservedService[],
  state: NodeState,
): Map<string, AddressServiceKey['family']> {
  const own = nodeAddresses(state);
  const vips = new Map<string, AddressServiceKey['family']>();
  const add = (key: ObservedService['key']): void => {
    if (!isMarkKey(key) && !own.has(key.address)) vips.set(key.address, key.family);
  };
  for (const { service } of wanted.values()) add(service.key);
  for (const { key } of served.values()) add(key);
  // Somebody else's service may live on an address of our device; it goes on living there.
  const bound = new Set(boundAddresses(state).map((entry) => entry.address));
  for (const { key } of staying.values()) if (bound.has(key.address)) add(key);
  for (const { key } of foreign) if (!isMarkKey(key) && bound.has(key.address)) add(key);
  return vips;
}

function wantedElements(
  wanted: ReadonlyMap<string, DesiredService>,
  staying: Owned,
  foreign: readonly ObservedService[],
  vips: ReadonlyMap<string, AddressServiceKey['family']>,
  ours: ReadonlyMap<string, OursEntry>,
): Elements {
  const elements: MutableElements = emptyElements();
  for (const [address, family] of vips) elements[setOf('vip', { family })].set(address, '');
  const announced = new Set(wantedAddresses(wanted));
  const silence = (address: string, silent: boolean): void => {
    if (silent && vips.get(address) === 'ipv4') elements.silent4.set(address, '');
  };
  const put = (key: AddressServiceKey, text: string): void => {
    const element = endpointElement(key);
    const entry = ours.get(text);
    elements[setOf('svc', key)].set(element, '');
    if (entry?.masquerade === true) elements[setOf('masq', key)].set(element, '');
    elements[setOf('ledger', key)].set(element, entry?.owner.uid ?? '');
  };
  for (const [text, { key }] of staying) {
    put(key, text);
    // An object that we see decides for an address that it shares with one that we do not see.
    if (!announced.has(key.address)) silence(key.address, ours.get(text)?.silent === true);
  }
  for (const [text, { service }] of wanted) {
    if (isMarkKey(service.key)) continue;
    put(service.key, text);
    silence(service.key.address, ours.get(text)?.silent === true);
  }
  // On an address that we filter, somebody else's service must not be filtered away.
  for (const { key } of foreign) {
    if (!isMarkKey(key) && vips.has(key.address)) elements[setOf('svc', key)].set(endpointElement(key), '');
  }
  return elements;
}

const wantedAddresses = (wanted: ReadonlyMap<string, DesiredService>): string[] =>
  [...wanted.values()].flatMap(({ service }) => (isMarkKey(service.key) ? [] : [service.key.address]));

function netfilterSteps(
  elements: Elements,
  state: NodeState,
  repair: boolean,
  ours: ReadonlyMap<string, OursEntry>,
  { witness }: NodeState,
): Step[] {
  // A node that serves nothing and never did gets no table.
  if (state.table === null && isEmpty(elements)) return [];
  const steps: Step[] = [];
  if (repair)
    steps.push({ layer: 'netfilter', owner: null, service: null, removes: false, change: { verb: 'create-table' } });
  const before = repair ? emptyElements() : (state.table?.elements ?? emptyElements());
  const serviceOf = elementOwners(ours, witness);
  for (const change of elementChanges(before, elements)) {
    const place = change.verb === 'add-element' || change.verb === 'delete-element' ? serviceOf(change) : null;
    // A deletion that makes way for the same element with another comment forgets nothing.
    const removes = change.verb === 'delete-element' && !elements[change.set].has(change.element);
    steps.push({ layer: 'netfilter', owner: place?.owner ?? null, service: place?.text ?? null, removes, change });
  }
  return steps;
}

const isEmpty = (elements: Elements): boolean => Object.values(elements).every((set) => set.size === 0);

/** Finds the service that an element of svc, masq or ledger belongs to. */
function elementOwners(
  ours: ReadonlyMap<string, OursEntry>,
  witness: NodeState['witness'],
): (change: { set: string; element: string }) => { text: string; owner: Owner | null } | null {
  return ({ set, element }) => {
    const [address, protocol, port] = element.split(' . ');
    if (address === undefined || protocol === undefined || port === undefined) return null;
    const host = set.endsWith('6') ? `[${address}]` : address;
    const text = `${protocol.toUpperCase()}/${host}:${port}`;
    const former = witness?.get(text);
    return {
      text,
      owner: ours.get(text)?.owner ?? (former === undefined ? null : { uid: former.uid, name: former.name }),
    };
  };
}

const ipvsRemoval = (key: AddressServiceKey, owner: Owner): Step => ({
  layer: 'ipvs',
  owner,
  service: serviceKeyText(key),
  removes: true,
  change: { verb: 'delete-service', key },
});

const linkStep = (change: LinkChange, removes: boolean, service: string | null, owner: Owner | null): Step => ({
  layer: 'link',
  owner,
  service,
  removes,
  change,
});

function vipRemovals(vips: ReadonlyMap<string, string>, state: NodeState): Step[] {
  return boundAddresses(state)
    .filter((entry) => !vips.has(entry.address))
    .map(({ family, address }) =>
      linkStep({ verb: 'delete-address', device: VIP_DEVICE, family, address }, true, null, null),
    );
}

function vipAdditions(
  vips: ReadonlyMap<string, AddressServiceKey['family']>,
  wanted: ReadonlyMap<string, DesiredService>,
  state: NodeState,
): Step[] {
  if (vips.size === 0) return [];
  const device = state.links.find((link) => link.name === VIP_DEVICE);
  const steps: Step[] = [];
  if (device === undefined) {
    steps.push(linkStep({ verb: 'create-dummy', name: VIP_DEVICE, alias: VIP_DEVICE_ALIAS }, false, null, null));
  } else if (!device.up) {
    steps.push(linkStep({ verb: 'set-up', name: VIP_DEVICE }, false, null, null));
  }
  // A device that is down has lost its IPv6 addresses by the time it is looked at, so they show as missing here.
  const bound = new Set(boundAddresses(state).map((entry) => entry.address));
  const users = new Map<string, { text: string; owner: Owner }>();
  for (const [text, { service, owner }] of wanted) {
    if (!isMarkKey(service.key) && !users.has(service.key.address)) users.set(service.key.address, { text, owner });
  }
  for (const [address, family] of vips) {
    if (bound.has(address)) continue;
    const user = users.get(address);
    steps.push(
      linkStep(
        { verb: 'add-address', device: VIP_DEVICE, family, address },
        false,
        user?.text ?? null,
        user?.owner ?? null,
      ),
    );
  }
  return steps;
}
