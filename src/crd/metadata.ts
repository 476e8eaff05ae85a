/**
 * The part of ObjectMeta that means something to us. What the API server sets by itself is let through, so that the
 * output of `kubectl get -o yaml` can be used as a file.
 */
import { z } from 'zod';
import { dnsSubdomain, expected } from './fields.ts';

const stringMap = (what: string): z.ZodRecord<z.ZodString, z.ZodString> =>
  z.record(
    z.string(),
    z.string({ error: (issue) => expected(`${what}: texts, so quote numbers and booleans`, issue.input) }),
    {
      error: (issue) => expected(`${what}: a map`, issue.input),
    },
  );

export const labels = stringMap('labels');

export const metadata = z.strictObject(
  {
    name: dnsSubdomain('metadata.name'),
    namespace: dnsSubdomain('metadata.namespace').default('default'),
    labels: labels.default({}),
    annotations: stringMap('annotations').default({}),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    generation: z.int().optional(),
    creationTimestamp: z.unknown().optional(),
    managedFields: z.unknown().optional(),
    ownerReferences: z.unknown().optional(),
    finalizers: z.unknown().optional(),
    selfLink: z.unknown().optional(),
  },
  {
    error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : expected('metadata with a name', issue.input)),
  },
);
