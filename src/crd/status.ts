/**
 * The status that directors write into objects. It is read leniently, unknown fields are ignored: directors of an older
 * and of a newer version write it while they are replaced.
 */
import { z } from 'zod';

/** What a parsed status is, for readers and writers alike: nobody changes it in place. */
export type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

const CONDITION_STATUS = ['True', 'False', 'Unknown'] as const;

export const condition = z.object({
  type: z.string().min(1).max(316).meta({ description: 'What the condition is about.' }),
  status: z.enum(CONDITION_STATUS).meta({ description: 'True, False, or Unknown while nobody can say.' }),
  observedGeneration: z
    .int()
    .min(0)
    .meta({ description: 'metadata.generation of the object that was judged. An older one says nothing about now.' })
    .optional(),
  lastTransitionTime: z
    .string()
    .max(64)
    .meta({ format: 'date-time', description: 'When status last changed from one value to another.' }),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .meta({ description: 'Why, in one word that programs may compare. docs/reference.md lists all of them.' }),
  message: z.string().max(32_768).meta({ description: 'Why, for people: what is wrong, and what to do about it.' }),
});

/** Conditions by type, of which `types` says what they mean. */
export const conditions = (types: Readonly<Record<string, string>>) =>
  z
    .array(condition)
    .max(16)
    .default([])
    .meta({
      description: [
        'What really happened, one condition for each type.',
        ...Object.entries(types).map(([type, meaning]) => `${type}: ${meaning}`),
      ].join('\n'),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    });

export const count = (description: string) => z.int().min(0).max(2_147_483_647).meta({ description });

const PROGRAMMED = 'the kernel of every director that should have it has it.';

export const virtualServiceStatus = z.object({
  addresses: z
    .array(z.string().max(45))
    .max(16)
    .meta({
      description: 'The virtual addresses in use, in canonical spelling.',
      'x-kubernetes-list-type': 'atomic',
    })
    .optional(),
  conditions: conditions({
    Accepted: 'the object is valid, its addresses are allowed, and no other object stands against it.',
    ResolvedRefs: 'every back end was found.',
    Programmed: PROGRAMMED,
    Announced: 'a director answers for the addresses on the LAN.',
  }),
  backends: z
    .object({
      total: count('Real servers and endpoints behind the object, each address and port once.'),
      healthy: count('Those of them that get new connections.'),
    })
    .meta({ description: 'How many back ends the object has.' })
    .optional(),
  directors: z
    .object({
      programmed: count('Directors whose kernel has all of the object.'),
      total: count('Directors that should have it.'),
    })
    .meta({ description: 'How many directors serve the object.' })
    .optional(),
});

export const realServerStatus = z.object({
  conditions: conditions({
    Accepted: 'the object is valid and its address is allowed.',
    Programmed: PROGRAMMED,
  }),
});

export type StatusCondition = Frozen<z.output<typeof condition>>;
export type VirtualServiceStatus = Frozen<z.output<typeof virtualServiceStatus>>;
export type RealServerStatus = Frozen<z.output<typeof realServerStatus>>;
