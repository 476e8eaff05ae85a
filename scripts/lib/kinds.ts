/** The kinds of the API as a cluster knows them: their names, their schema with its status, and their columns. */
import type { z } from 'zod';
import { director, directorStatus } from '../../src/crd/director.ts';
import { realServer } from '../../src/crd/realserver.ts';
import { realServerStatus, virtualServiceStatus } from '../../src/crd/status.ts';
import { virtualService } from '../../src/crd/virtualservice.ts';

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Shown by `kubectl get -o wide` only. */
  readonly wide?: true;
}

export interface ApiKind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly description: string;
  readonly schema: z.ZodObject;
  readonly columns: readonly Column[];
}

const STATUS = 'What became of the object. Directors write it.';

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was made.',
};

/** A column with a field of a condition. */
const conditionColumn = (name: string, type: string, field: 'status' | 'reason', description: string): Column => ({
  name,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].${field}`,
  description,
});

const wide = (column: Column): Column => ({ ...column, wide: true });

const accepted = wide(conditionColumn('Accepted', 'Accepted', 'status', 'Whether the object is valid and allowed.'));
const programmed = conditionColumn(
  'Programmed',
  'Programmed',
  'status',
  'Whether the kernels of the directors have it.',
);
const reason = wide(conditionColumn('Reason', 'Programmed', 'reason', 'Why it is programmed or not.'));

export const API_KINDS: readonly ApiKind[] = [
  {
    kind: 'VirtualService',
    plural: 'virtualservices',
    singular: 'virtualservice',
    shortName: 'lvs',
    scope: 'Namespaced',
    description:
      'Virtual addresses and ports that directors balance over real servers, in the IPVS table of their kernels.',
    schema: virtualService.extend({ status: virtualServiceStatus.meta({ description: STATUS }).optional() }),
    columns: [
      { name: 'Addresses', type: 'string', jsonPath: '.spec.addresses', description: 'Virtual addresses.' },
      {
        name: 'Scheduler',
        type: 'string',
        jsonPath: '.spec.scheduler',
        description: 'How a real server is picked for a connection.',
      },
      {
        name: 'Backends',
        type: 'integer',
        jsonPath: '.status.backends.total',
        description: 'Real servers and endpoints behind it.',
      },
      {
        name: 'Directors',
        type: 'integer',
        jsonPath: '.status.directors.programmed',
        description: 'Directors whose kernel has it.',
      },
      programmed,
      age,
      accepted,
      wide(
        conditionColumn('Announced', 'Announced', 'status', 'Whether a director answers for the addresses on the LAN.'),
      ),
      reason,
    ],
  },
  {
    kind: 'RealServer',
    plural: 'realservers',
    singular: 'realserver',
    shortName: 'lrs',
    scope: 'Namespaced',
    description: 'One machine or process behind virtual services, which choose it by its labels.',
    schema: realServer.extend({ status: realServerStatus.meta({ description: STATUS }).optional() }),
    columns: [
      { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'Address of the real server.' },
      { name: 'Port', type: 'integer', jsonPath: '.spec.port', description: 'Port that it listens on.' },
      { name: 'Weight', type: 'integer', jsonPath: '.spec.weight', description: 'Share of new connections.' },
      programmed,
      age,
      accepted,
      reason,
    ],
  },
  {
    kind: 'Director',
    plural: 'directors',
    singular: 'director',
    shortName: 'lvsd',
    scope: 'Cluster',
    description:
      'What the director of one node says about itself. Its agent makes and writes it; there is nothing to ask for.',
    schema: director.extend({
      status: directorStatus.meta({ description: 'The node, its kernel, and what is not as it should be.' }).optional(),
    }),
    columns: [
      conditionColumn(
        'Kernel ready',
        'KernelReady',
        'status',
        'Whether the kernel has IPVS and its settings are right.',
      ),
      conditionColumn('Synced', 'Synced', 'status', 'Whether all objects were read and the kernel was told.'),
      { name: 'Services', type: 'integer', jsonPath: '.status.counts.services', description: 'IPVS services of ours.' },
      { name: 'Version', type: 'string', jsonPath: '.status.agentVersion', description: 'Version of the agent.' },
      age,
    ],
  },
];
