/**
 * RealServer: one back end machine or process, chosen by its labels. This schema is the only source of its type,
 * defaults and checks.
 */
import { z } from 'zod';
import { object, port, unicastAddress, weight } from './fields.ts';
import { API_VERSION } from './group.ts';
import { metadata } from './metadata.ts';

const realServerSpec = object(
  {
    address: unicastAddress.meta({
      description: 'Address of the real server (RIP). It gets connections of virtual addresses of its own family.',
    }),
    port: port
      .meta({ description: 'Port that it listens on, for services whose port names no targetPort.' })
      .optional(),
    weight: weight.default(1).meta({
      description: 'Share of new connections. 0 takes none and keeps those it has.',
    }),
  },
  'a spec with an address',
).meta({ description: 'Where the real server is, and its share.' });

export const realServer = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('RealServer'),
  metadata,
  spec: realServerSpec,
  status: z.unknown().optional(),
});

export type RealServer = z.output<typeof realServer>;
