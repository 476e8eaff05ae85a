/**
 * Director: what one node says about itself. Its agent writes it and nobody else; there is nothing to ask for, so it has
 * no spec. It is read leniently, as every status is.
 */
import { z } from 'zod';
import { API_VERSION } from './group.ts';
import { conditions, count, type Frozen } from './status.ts';

const exception = z.object({
  kind: z.enum(['VirtualService', 'RealServer']).meta({ description: 'Kind of the object.' }),
  namespace: z.string().max(63).meta({ description: 'Namespace of the object.' }),
  name: z.string().max(253).meta({ description: 'Name of the object.' }),
  uid: z
    .string()
    .max(128)
    .meta({ description: 'metadata.uid of the object: another object of its name is another one.' }),
  generation: z.int().min(0).meta({ description: 'metadata.generation of the object that was judged.' }).optional(),
  condition: z.string().max(316).meta({ description: 'Type of the condition that is not True here.' }),
  reason: z.string().max(1024).meta({ description: 'Why, in one word that programs may compare.' }),
  message: z.string().max(4096).meta({ description: 'Why, for people: what is wrong, and what to do about it.' }),
});

const resourceVersion = (kind: string) =>
  z
    .string()
    .max(128)
    .meta({ description: `metadata.resourceVersion of the newest ${kind} whose change this director has carried out.` })
    .optional();

export const directorStatus = z.object({
  conditions: conditions({
    KernelReady: 'the kernel has IPVS and every setting that is needed.',
    Synced: 'all objects were read, and the kernel was told.',
  }),
  agentVersion: z.string().max(128).meta({ description: 'Version of the agent on this node.' }).optional(),
  kernel: z
    .object({
      release: z.string().max(128).meta({ description: 'Release of the kernel, as uname -r says it.' }),
      ipvsVersion: z
        .string()
        .max(64)
        .meta({ description: 'Version of IPVS in the kernel. Missing where the kernel has no IPVS.' })
        .optional(),
      connectionTableSize: count(
        'Hash buckets of the connection table of IPVS (module parameter conn_tab_bits).',
      ).optional(),
    })
    .meta({ description: 'The kernel of the node.' })
    .optional(),
  observed: z
    .object({ virtualServices: resourceVersion('VirtualService'), realServers: resourceVersion('RealServer') })
    .default({})
    .meta({
      description:
        'Up to where this director has followed the objects. An object that is not newer and not among the exceptions is programmed here.',
    }),
  counts: z
    .object({
      virtualServices: count('VirtualServices that this director serves.'),
      services: count('IPVS services that it has for them.'),
      destinations: count('IPVS destinations of these services.'),
    })
    .meta({ description: 'How much this director has.' })
    .optional(),
  vips: z.array(z.string().max(45)).max(1024).default([]).meta({
    description: 'Virtual addresses that this node holds, in canonical spelling.',
    'x-kubernetes-list-type': 'atomic',
  }),
  exceptions: z.array(exception).max(256).default([]).meta({
    description:
      'Objects that are not programmed here as they should be, and why. An object may stand here more than once.',
    'x-kubernetes-list-type': 'atomic',
  }),
  truncated: count('How many exceptions found no room in the list.').default(0),
});

export const director = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Director'),
  metadata: z.object({
    name: z.string(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
  }),
  status: directorStatus.optional(),
});

export type DirectorException = Frozen<z.output<typeof exception>>;
export type DirectorStatus = Frozen<z.output<typeof directorStatus>>;
export type Director = Frozen<z.output<typeof director>>;
