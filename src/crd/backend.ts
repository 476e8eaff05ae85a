/** A back end of a VirtualService: RealServers by their labels, or the endpoints of a Service. */
import { rules } from './cel.ts';
import { dnsLabel, object, refuse, weight } from './fields.ts';
import { labelSelector } from './selector.ts';

const NEITHER = 'names no back end: write realServers or service';
const BOTH = 'names realServers and service: write one of them, and the other one as another back end';
const OWN_WEIGHT = 'goes with service only: each RealServer has a weight of its own';
const EMPTY_SELECTOR = 'is empty: a selector that matches every RealServer is refused, name at least one label';

export const backend = object(
  {
    realServers: object(
      {
        matchLabels: labelSelector('matchLabels')
          .refine((map) => Object.keys(map).length > 0, { error: EMPTY_SELECTOR })
          .meta({
            description: 'Labels with their values. A RealServer must carry all of them.',
            ...rules({ rule: 'size(self) > 0', message: EMPTY_SELECTOR }),
          }),
      },
      'matchLabels',
    )
      .meta({ description: 'RealServer objects of this namespace that carry all these labels.' })
      .optional(),
    service: object(
      { name: dnsLabel('the name of a Service').meta({ description: 'Name of the Service.' }) },
      'the name of a Service',
    )
      .meta({ description: 'The endpoints of a Service of this namespace, as its EndpointSlices name them.' })
      .optional(),
    endpointWeight: weight
      .meta({ description: 'Share of new connections of each endpoint of the Service. 1 unless it is written.' })
      .optional(),
  },
  'a back end with realServers or service',
)
  .check((context) => {
    const { realServers, service, endpointWeight } = context.value;
    if (realServers === undefined && service === undefined) refuse(context, [], NEITHER);
    if (realServers === undefined) return;
    if (service !== undefined) refuse(context, [], BOTH);
    if (endpointWeight !== undefined) refuse(context, ['endpointWeight'], OWN_WEIGHT);
  })
  .meta(
    rules(
      { rule: 'has(self.realServers) || has(self.service)', message: NEITHER },
      { rule: '!has(self.realServers) || !has(self.service)', message: BOTH },
      {
        rule: '!has(self.realServers) || !has(self.endpointWeight)',
        message: OWN_WEIGHT,
        fieldPath: '.endpointWeight',
      },
    ),
  );
