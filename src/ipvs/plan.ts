/**
 * The changes that make one service of the kernel what it should be. Pure. What can be changed in place is never deleted
 * and made again: with expire_nodest_conn=1 that would reset every connection.
 */
import type { IpvsChange } from './client.ts';
import {
  type Destination,
  destinationKeyText,
  type DestinationConfig,
  type ObservedService,
  type Service,
  type ServiceConfig,
} from './types.ts';

export interface WantedService {
  readonly service: Service;
  readonly destinations: readonly Destination[];
}

/** Changes in the order in which they are made: what comes before what goes, so that there is always somebody to answer. */
export function planService(wanted: WantedService, observed: ObservedService | null): IpvsChange[] {
  const { service } = wanted;
  const changes: IpvsChange[] = [];
  if (observed === null) changes.push({ verb: 'new-service', service });
  else if (!sameServiceConfig(service.config, observed.config)) changes.push({ verb: 'set-service', service });

  const there = new Map((observed?.destinations ?? []).map((entry) => [destinationKeyText(entry.key), entry]));
  for (const destination of wanted.destinations) {
    const text = destinationKeyText(destination.key);
    const now = there.get(text);
    there.delete(text);
    if (now === undefined) changes.push({ verb: 'new-destination', service: service.key, destination });
    else if (!sameDestinationConfig(destination.config, now.config)) {
      changes.push({ verb: 'set-destination', service: service.key, destination });
    }
  }
  for (const { key } of there.values()) changes.push({ verb: 'delete-destination', service: service.key, key });
  return changes;
}

/** A scheduler swap makes the kernel wait for all readers under a global lock, so SET is sent only for a difference. */
const sameServiceConfig = (a: ServiceConfig, b: ServiceConfig): boolean =>
  a.scheduler === b.scheduler &&
  a.flags === b.flags &&
  a.persistenceSeconds === b.persistenceSeconds &&
  a.persistencePrefixLength === b.persistencePrefixLength &&
  a.persistenceEngine === b.persistenceEngine;

const sameDestinationConfig = (a: DestinationConfig, b: DestinationConfig): boolean =>
  a.forwarding === b.forwarding &&
  a.weight === b.weight &&
  a.upperThreshold === b.upperThreshold &&
  a.lowerThreshold === b.lowerThreshold &&
  a.tunnel?.type === b.tunnel?.type &&
  a.tunnel?.port === b.tunnel?.port &&
  a.tunnel?.checksum === b.tunnel?.checksum;
