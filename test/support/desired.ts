/** Desired state and kernel services for tests of the controller, in one line each. */
import type { Desired, DesiredService, Retained } from '../../src/controller/desired.ts';
import { parseServiceKeyText } from '../../src/controller/ownership.ts';
import { type Destination, destinationKeyText, type Service, serviceKeyText } from '../../src/ipvs/types.ts';
import type { MemoryService } from './memory-kernel.ts';

interface ServiceOptions {
  readonly name?: string;
  readonly scheduler?: string;
  readonly masquerade?: boolean;
}

/** Destinations as `ADDRESS:PORT` to weight. */
export type Weights = Readonly<Record<string, number>>;

const NOTHING_RETAINED: Retained = { all: false, uids: new Set() };

/** The uid that `desiredService` gives to an object of this name. */
export const uidOf = (name: string): string => `uid-${name}`;

export function service(key: string, scheduler = 'wlc'): Service {
  const parsed = parseServiceKeyText(key);
  if (parsed === null) throw new Error(`not a service key: ${key}`);
  return {
    key: parsed,
    config: {
      scheduler,
      flags: 0,
      persistenceSeconds: 0,
      persistencePrefixLength: parsed.family === 'ipv4' ? 32 : 128,
      persistenceEngine: null,
    },
  };
}

/** `10.0.0.2:80` or `[2001:db8::2]:80`. */
export function destination(text: string, weight = 1): Destination {
  const parsed = parseServiceKeyText(`TCP/${text}`);
  if (parsed === null) throw new Error(`not a destination: ${text}`);
  const { family, address, port } = parsed;
  return {
    key: { family, address, port },
    config: { forwarding: 'NAT', weight, upperThreshold: 0, lowerThreshold: 0, tunnel: null },
  };
}

export function desiredService(
  key: string,
  weights: Weights = { '10.1.0.1:80': 1 },
  options: ServiceOptions = {},
): DesiredService {
  const { name = 'default/web', scheduler = 'wlc', masquerade = true } = options;
  return {
    owner: { uid: uidOf(name), name },
    service: service(key, scheduler),
    destinations: Object.entries(weights).map(([text, weight]) => destination(text, weight)),
    masquerade,
    refused: false,
    refusedDestinations: new Set(),
  };
}

export const desired = (services: readonly DesiredService[] = [], retained: Retained = NOTHING_RETAINED): Desired => ({
  services: new Map(services.map((entry) => [serviceKeyText(entry.service.key), entry])),
  silent: new Set(),
  retained,
});

/** A service as somebody makes it with ipvsadm. */
export const byHand = (key: string, weights: Weights = { '10.9.0.1:80': 1 }, scheduler = 'rr'): MemoryService => ({
  service: service(key, scheduler),
  destinations: new Map(
    Object.entries(weights).map(([text, weight]) => {
      const entry = destination(text, weight);
      return [destinationKeyText(entry.key), entry];
    }),
  ),
});
