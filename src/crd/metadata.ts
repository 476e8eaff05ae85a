/**
 * The part of ObjectMeta that means something to us. What the API server sets by itself is let through, so that the
 * output of `kubectl get -o yaml` can be used as a file.
 */
import { z } from 'zod';
import { dnsSubdomain, expected, object } from './fields.ts';

const stringMap = (what: string): z.ZodRecord<z.ZodString, z.ZodString> =>
  z.record(
    z.string(),
    z.string({ error: (issue) => expected(`${what}: texts, so quote numbers and booleans`, issue.input) }),
    {
      error: (issue) => expected(`${what}: a map`, issue.input),
    },
  );

export const metadata = object(
  {
    name: dnsSubdomain('metadata.name'),
    namespace: dnsSubdomain('metadata.namespace').default('default'),
    labels: stringMap('labels').default({}),
    annotations: stringMap('annotations').default({}),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    generation: z.int().optional(),
    creationTimestamp: z.unknown().optional(),
    managedFields: z.unknown().optional(),
    deletionTimestamp: z.unknown().optional(),
    deletionGracePeriodSeconds: z.unknown().optional(),
    generateName: z.unknown().optional(),
    ownerReferences: z.unknown().optional(),
    finalizers: z.unknown().optional(),
    selfLink: z.unknown().optional(),
  },
  'metadata with a name',
);
