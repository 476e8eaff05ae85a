/**
 * What an agent tells about itself: the answer of its socket and the input of `list`.
 */
import type { Problem } from '../crd/problem.ts';
import {
  type DestinationKey,
  destinationKeyText,
  type IpvsInfo,
  isMarkKey,
  type ObservedService,
  type Protocol,
  type ServiceKey,
  serviceKeyText,
} from '../ipvs/types.ts';
import { addressBytes } from '../net/address.ts';
import type { Compiled } from './compile.ts';
import type { WitnessServices } from '../host/witness.ts';
import type { ObjectStatus } from './status.ts';

export interface ReportedDestination {
  readonly destination: string;
  readonly forwarding: string;
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** Name of the RealServer, when it is known. */
  readonly realServer: string | null;
}

export interface ReportedService {
  readonly service: string;
  readonly scheduler: string;
  /** `namespace/name` of the VirtualService, null for a service that is not ours. */
  readonly object: string | null;
  readonly destinations: readonly ReportedDestination[];
}

export interface Report {
  readonly ipvs: IpvsInfo;
  readonly services: readonly ReportedService[];
  /** Null when no agent runs, so that nobody knows the objects. */
  readonly objects: readonly ObjectStatus[] | null;
  readonly problems: readonly Problem[];
  /** Why the source, or the last look at the kernel, cannot be believed at present, or null. */
  readonly trouble: string | null;
}

/** The kernel's services with the names of the objects behind them, in the order of `ipvsadm -Ln`. */
export function reportServices(
  services: readonly ObservedService[],
  witness: WitnessServices | null,
  compiled: Compiled | null,
): ReportedService[] {
  return services
    .toSorted((a, b) => compareServices(a.key, b.key))
    .map((service) => {
      const key = serviceKeyText(service.key);
      return {
        service: key,
        scheduler: service.config.scheduler,
        object: witness?.get(key)?.name ?? null,
        destinations: sortedDestinations(service).map((destination) => {
          const text = destinationKeyText(destination.key);
          return {
            destination: text,
            forwarding: destination.config.forwarding,
            weight: destination.config.weight,
            activeConnections: destination.activeConnections,
            inactiveConnections: destination.inactiveConnections,
            realServer: compiled?.realServerNames.get(`${key} > ${text}`) ?? null,
          };
        }),
      };
    });
}

const sortedDestinations = (service: ObservedService): ObservedService['destinations'] =>
  service.destinations.toSorted((a, b) => compareEndpoints(a.key, b.key));

const PROTOCOL_ORDER: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** By protocol, family, address and port, as numbers; firewall marks at the end. */
function compareServices(a: ServiceKey, b: ServiceKey): number {
  if (isMarkKey(a)) return isMarkKey(b) ? a.firewallMark - b.firewallMark : 1;
  if (isMarkKey(b)) return -1;
  return PROTOCOL_ORDER.indexOf(a.protocol) - PROTOCOL_ORDER.indexOf(b.protocol) || compareEndpoints(a, b);
}

function compareEndpoints(a: DestinationKey, b: DestinationKey): number {
  if (a.family !== b.family) return a.family === 'ipv4' ? -1 : 1;
  return Buffer.compare(addressBytes(a.address), addressBytes(b.address)) || a.port - b.port;
}
