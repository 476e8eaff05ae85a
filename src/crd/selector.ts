/** Labels that an object must carry to be chosen: keys with their values, as `matchLabels` and `nodeSelector` have them. */
import { z } from 'zod';
import { expected } from './fields.ts';

const MOST = 32;

export const labelSelector = (what: string): z.ZodRecord<z.ZodString, z.ZodString> =>
  z
    .record(
      z.string(),
      z
        .string({ error: (issue) => expected('labels: texts, so quote numbers and booleans', issue.input) })
        .max(63, { error: 'is longer than 63 characters, as no value of a label is' }),
      { error: (issue) => expected(`${what}: a map`, issue.input) },
    )
    .refine((map) => Object.keys(map).length <= MOST, { error: `has more than ${MOST} labels` })
    .meta({ maxProperties: MOST });
