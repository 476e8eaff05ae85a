/** A port of a VirtualService: what clients ask for, and where that leads. */
import { z } from 'zod';
import { choice, dnsSubdomain, expected, object, port, show } from './fields.ts';

export const PROTOCOLS = ['TCP', 'UDP'] as const;

/** The name of a port of an EndpointSlice. A letter is needed, so that it is no number in quotes. */
const portName = z
  .string()
  .max(63, { error: 'a port name is longer than 63 characters' })
  .regex(/^([0-9][0-9-]*)?[a-z]([a-z0-9-]*[a-z0-9])?$/, {
    error: (issue) =>
      `${show(issue.input)} is no port name: use lower case letters, digits and '-', or a number without quotes`,
  });

const TARGET_PORT = 'a port, a whole number from 1 to 65535, or the name of a port of an EndpointSlice';

const targetPort = z.union([port, portName], { error: (issue) => expected(TARGET_PORT, issue.input) }).meta({
  description: [
    'Port of the real servers, or the name of a port of the EndpointSlices of a Service. A name cannot stand beside realServers.',
    'Without it, for a RealServer: its own port, or else the same as port.',
    'Without it, for a Service: the port of its EndpointSlices, by name when they have several.',
  ].join('\n'),
  'x-kubernetes-int-or-string': true,
});

export const servicePort = object(
  {
    name: dnsSubdomain('a port name')
      .max(63)
      .meta({ description: 'Name of the port. It chooses among the ports of a Service where targetPort does not.' })
      .optional(),
    protocol: choice(PROTOCOLS, 'protocol')
      .default('TCP')
      .meta({ description: 'Transport protocol. TCP and UDP on the same port are two entries.' }),
    port: port.meta({ description: 'Port that clients ask for.' }),
    targetPort: targetPort.optional(),
  },
  'a port, as in port: 80',
);
