/**
 * Every reason that a condition or a problem can carry, with what it means. Reasons are API: programs match on them, so
 * they are never renamed. Tests and documentation are generated from this list.
 */

export const REASONS = {
  Accepted: 'The object is valid and no other object stands against it.',
  Invalid: 'A field of the object is wrong. What was accepted before stays in force until the object is valid again.',
  UnknownField:
    'The object has a field that this version does not know. The field is ignored, the rest of the object is served.',
  UnknownKind: 'The document claims this API group, but there is no such kind or version.',
  Unreadable: 'A file is not YAML or cannot be read. What it held when it last could be read stays in force.',
  SourceIncomplete:
    'A kind cannot be read: its CustomResourceDefinition is gone, or the API answers nonsense. What was known stays in force.',
  DuplicateObject: 'Two files hold an object of the same kind, namespace and name. The first file by name counts.',
  Conflict: 'Another VirtualService, or an IPVS service that is not ours, has the same address, port and protocol.',
  AddressNotAllowed: 'The setting allowAddresses does not cover a virtual address.',
  AddressReserved: 'A virtual address belongs to the cluster: to its API server, to a Service CIDR or to a Pod range.',
  NoDirector: 'No Node with the director label matches the nodeSelector.',
  NotHere: 'A virtual address belongs to a Node, and only that Node can serve it.',
  ResolvedRefs: 'Every back end of the object was found.',
  NoRealServers: 'A selector matches no RealServer, or none of the family of the address. Clients are refused.',
  DuplicateRealServer: 'Two RealServers lead to the same address and port. The first by name counts.',
  NoEndpointSlices:
    'A Service has no EndpointSlices: there is no such Service in the namespace, or it has no selector.',
  PortNotFound: 'No EndpointSlice of a Service has a port of that name or number.',
  NoEndpoints: 'A Service has no ready endpoint of the family of the address. Clients are refused.',
  DestinationNotAllowed:
    'The address policy refuses the address of a real server or an endpoint. It gets no connections.',
  Programmed: 'The kernel has everything that the object asks for.',
  Pending: 'The kernel has not been told yet.',
  NotSelected: 'No VirtualService selects the RealServer, so no kernel has it.',
  SysctlWrong: 'A kernel setting that the return path needs is wrong, so nothing new is served.',
  SchedulerUnavailable: 'This kernel does not have the scheduler.',
  KernelRefused: 'The kernel refused a change.',
  NetfilterFailed: 'The nftables transaction failed, so nothing that needs it was made.',
  Waiting: 'A step that this one depends on failed.',
  DirectorsUnknown: 'A director has not reported yet what it has, or reports only a part of it.',
  Announced: 'One director answers for the addresses on the LAN.',
  SeveralDirectors:
    'Several directors have the addresses and none fails over, so none answers for them on the LAN. They are reached by route.',
  ByRoute: 'The object asks for no announcement (announce: None). The addresses are reached by route.',
  NoNeighbourDiscovery:
    'Nobody answers neighbour solicitations for an IPv6 address. It is reached by route, or through a proxy.',
  NotAnnounced: 'No director serves the addresses, so none answers for them on the LAN.',
  KernelReady: 'The kernel of the node has IPVS and every setting that is needed.',
  KernelNotReady: 'The kernel of the node lacks IPVS, or a setting that is needed is wrong.',
  Synced: 'The director has read all objects and told the kernel.',
  NotSynced: 'The director has not read all objects yet, or could not tell the kernel.',
} as const;

export type Reason = keyof typeof REASONS;

/** Reasons that only a cluster can give: a folder has no API, no Nodes, no Services and no policy. */
export const CLUSTER_REASONS = [
  'UnknownField',
  'SourceIncomplete',
  'AddressNotAllowed',
  'AddressReserved',
  'NoDirector',
  'NotHere',
  'NoEndpointSlices',
  'PortNotFound',
  'NoEndpoints',
  'DestinationNotAllowed',
  'NotSelected',
  'DirectorsUnknown',
  'SeveralDirectors',
  'KernelReady',
  'KernelNotReady',
  'Synced',
  'NotSynced',
] as const satisfies readonly Reason[];

/** Reasons that a folder can give. */
export type FolderReason = Exclude<Reason, (typeof CLUSTER_REASONS)[number]>;
