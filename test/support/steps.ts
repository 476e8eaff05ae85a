/** Steps for tests, without what a test does not look at. */
import { VIP_DEVICE, VIP_DEVICE_ALIAS } from '../../src/controller/node-state.ts';
import type { Owner } from '../../src/controller/desired.ts';
import type { Step } from '../../src/controller/steps.ts';
import type { LinkChange } from '../../src/host/links.ts';
import type { NetfilterChange } from '../../src/host/netfilter/table.ts';
import type { SysctlSetting } from '../../src/host/sysctl.ts';
import type { IpvsChange } from '../../src/ipvs/client.ts';
import { destination, service } from './desired.ts';
import { ipvsLine, linkLine, netfilterWord } from './memory-kernel.ts';

interface Around {
  readonly owner?: Owner | null;
  readonly service?: string | null;
}

const around = ({ owner = null, service: text = null }: Around = {}) => ({ owner, service: text, removes: false });

const ipvsStep = (change: IpvsChange, more?: Around): Step => ({ layer: 'ipvs', ...around(more), change });
export const linkStep = (change: LinkChange, more?: Around): Step => ({ layer: 'link', ...around(more), change });
export const nftStep = (change: NetfilterChange, more?: Around): Step => ({
  layer: 'netfilter',
  ...around(more),
  change,
});
export const sysctlStep = (change: SysctlSetting, more?: Around): Step => ({
  layer: 'sysctl',
  ...around(more),
  change,
});

export const newService = (key: string, scheduler?: string): Step =>
  ipvsStep({ verb: 'new-service', service: service(key, scheduler) }, { service: key });
export const setService = (key: string, scheduler?: string): Step =>
  ipvsStep({ verb: 'set-service', service: service(key, scheduler) }, { service: key });
export const deleteService = (key: string): Step =>
  ipvsStep({ verb: 'delete-service', key: service(key).key }, { service: key });
export const newDestination = (key: string, text: string, weight?: number): Step =>
  ipvsStep(
    { verb: 'new-destination', service: service(key).key, destination: destination(text, weight) },
    { service: key },
  );
export const setDestination = (key: string, text: string, weight?: number): Step =>
  ipvsStep(
    { verb: 'set-destination', service: service(key).key, destination: destination(text, weight) },
    { service: key },
  );
export const deleteDestination = (key: string, text: string): Step =>
  ipvsStep({ verb: 'delete-destination', service: service(key).key, key: destination(text).key }, { service: key });

export const createTable = nftStep({ verb: 'create-table' });
/** The svc4 element of an IPv4 service. */
export const addElement = (key: string): Step =>
  nftStep({ verb: 'add-element', set: 'svc4', element: elementOf(key), comment: '' }, { service: key });
export const deleteElement = (key: string): Step =>
  nftStep({ verb: 'delete-element', set: 'svc4', element: elementOf(key) }, { service: key });

const elementOf = (key: string): string => {
  const parsed = service(key).key;
  if ('firewallMark' in parsed) throw new Error(`a mark has no element: ${key}`);
  return `${parsed.address} . ${parsed.protocol.toLowerCase()} . ${parsed.port}`;
};

export const createDevice = linkStep({ verb: 'create-dummy', name: VIP_DEVICE, alias: VIP_DEVICE_ALIAS });
export const addAddress = (address: string): Step =>
  linkStep({ verb: 'add-address', device: VIP_DEVICE, family: address.includes(':') ? 'ipv6' : 'ipv4', address });
export const deleteAddress = (address: string): Step =>
  linkStep({ verb: 'delete-address', device: VIP_DEVICE, family: address.includes(':') ? 'ipv6' : 'ipv4', address });

/** A step as the kernel in memory writes it down, an element of netfilter by itself. */
export function stepLine(step: Step): string {
  switch (step.layer) {
    case 'ipvs':
      return ipvsLine(step.change);
    case 'link':
      return linkLine(step.change);
    case 'netfilter':
      return `nft ${netfilterWord(step.change)}`;
    case 'sysctl':
      return `sysctl ${step.change.name}`;
  }
}
